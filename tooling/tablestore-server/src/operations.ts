import type { Readings } from "./doubtful.js";
import { invalidKey, parameterInvalid, ServiceError, unsupported } from "./errors.js";
import type { ReceivedRow, RowFault } from "./faults.js";
import type { Limits } from "./limits.js";
import type { Engine } from "./table/engine.js";
import { type PreparedWrite, parseRow, type RowResult, type Table } from "./table/table.js";
import { Direction, type OperationName, type Operations, OperationType, type RowInBatch } from "./wire/messages.js";

export interface OperationContext {
  readonly engine: Engine;
  readonly limits: Limits;
  readonly readings: Readings;
  /** The rows of a batch are independent; this is the order in which they are written. */
  readonly shuffle: <T>(list: readonly T[]) => T[];
  /** What is to go wrong with one row of a batch. */
  readonly rowFault: (row: ReceivedRow) => RowFault | undefined;
}

type Request<Name extends OperationName> = Operations[Name]["request"];
type Response<Name extends OperationName> = Operations[Name]["response"];

export type Handlers = { [Name in OperationName]: (request: Request<Name>) => Response<Name> };

const NOTHING: Record<string, never> = {};
const WRITE_KINDS = new Map<number, "put" | "update" | "delete">([
  [OperationType.PUT, "put"],
  [OperationType.UPDATE, "update"],
  [OperationType.DELETE, "delete"],
]);

function refuse(request: { transactionId?: string; token?: Buffer | Buffer[] }): void {
  if (request.transactionId !== undefined) throw unsupported("local transactions");
  const { token } = request;
  // The npm SDK sends empty tokens.
  if (Array.isArray(token) ? token.some(({ length }) => length > 0) : token !== undefined && token.length > 0) {
    throw unsupported("tokens to read on within a row");
  }
}

const failed = ({ code, message }: ServiceError): RowInBatch => ({ isOk: false, error: { code, message } });

function serviceError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  throw error;
}

function attempt(run: () => RowResult): RowInBatch {
  try {
    return { isOk: true, ...run() };
  } catch (error) {
    return failed(serviceError(error));
  }
}

export function handlers(context: OperationContext): Handlers {
  const { engine } = context;
  return {
    CreateTable(request) {
      engine.create(request);
      return NOTHING;
    },
    ListTable: () => engine.list(),
    DescribeTable: ({ tableName }) => engine.describe(tableName),
    UpdateTable: (request) => engine.update(request),
    DeleteTable({ tableName }) {
      engine.delete(tableName);
      return NOTHING;
    },
    GetRow(request) {
      refuse(request);
      return engine.table(request.tableName).get(request.primaryKey, request);
    },
    PutRow(request) {
      refuse(request);
      return engine.table(request.tableName).prepare("put", request.row, request).run();
    },
    UpdateRow(request) {
      refuse(request);
      return engine.table(request.tableName).prepare("update", request.rowChange, request).run();
    },
    DeleteRow(request) {
      refuse(request);
      return engine.table(request.tableName).prepare("delete", request.primaryKey, request).run();
    },
    GetRange: (request) => getRange(request, context),
    BatchGetRow: (request) => batchGetRow(request, context),
    BatchWriteRow: (request) => batchWriteRow(request, context),
  };
}

function getRange(request: Request<"GetRange">, { engine }: OperationContext): Response<"GetRange"> {
  refuse(request);
  const { dataBlockTypeHint = 0, compressTypeHint = 0, returnEntirePrimaryKeys = true } = request;
  if (dataBlockTypeHint !== 0 || compressTypeHint !== 0 || !returnEntirePrimaryKeys) {
    throw unsupported("answers to GetRange in other formats than PlainBuffer");
  }
  const { consumed, rows, next } = engine.table(request.tableName).range(
    {
      start: parseRow(request.inclusiveStartPrimaryKey).key,
      end: parseRow(request.exclusiveEndPrimaryKey).key,
      backward: request.direction === Direction.BACKWARD,
      limit: request.limit,
    },
    request,
  );
  return { consumed, rows, ...(next === undefined ? {} : { nextStartPrimaryKey: next }) };
}

function checkTableNames(tables: readonly { tableName: string }[]): void {
  const names = tables.map(({ tableName }) => tableName);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw parameterInvalid(`Duplicated table name: '${twice}'.`);
}

function checkRowCount(counts: readonly number[], limit: number): void {
  const rows = counts.reduce((sum, count) => sum + count, 0);
  if (rows > limit) throw parameterInvalid(`Rows count exceeds the upper limit:${limit}.`);
}

/** The table of a batch, or why none of its rows can be had. */
function tableOf(name: string, { engine, readings }: OperationContext): Table | ServiceError {
  try {
    return engine.table(name);
  } catch (error) {
    const problem = serviceError(error);
    if (problem.code === "OTSObjectNotExist" && !readings.accepts("missing-table-in-batch")) throw problem;
    return problem;
  }
}

function batchGetRow({ tables = [] }: Request<"BatchGetRow">, context: OperationContext): Response<"BatchGetRow"> {
  if (tables.length === 0) throw parameterInvalid("No row specified in the request of BatchGetRow.");
  checkTableNames(tables);
  checkRowCount(
    tables.map(({ primaryKey = [] }) => primaryKey.length),
    context.limits.rowsPerBatchGet,
  );
  return {
    tables: tables.map((request) => {
      refuse(request);
      const { tableName, primaryKey = [] } = request;
      const table = tableOf(tableName, context);
      const keys = primaryKey.map((key) => key.toString("latin1"));
      if (new Set(keys).size < keys.length) {
        context.readings.check("repeated-rows", "Duplicate rows detected in MultiGet.");
      }
      const rows = primaryKey.map((key, index) => {
        const fault = context.rowFault({ operation: "BatchGetRow", table: tableName, index });
        if (fault !== undefined) return failed(fault.error);
        if (table instanceof ServiceError) return failed(table);
        const row = attempt(() => table.get(key, request));
        if (row.error?.code === "OTSParameterInvalid") throw parameterInvalid(row.error.message ?? "");
        return row;
      });
      return { tableName, rows };
    }),
  };
}

/** A row that can be written, or the answer for it if it can't. */
type Step = { readonly write: PreparedWrite } | { readonly answer: RowInBatch };

function batchWriteRow(request: Request<"BatchWriteRow">, context: OperationContext): Response<"BatchWriteRow"> {
  refuse(request);
  if (request.isAtomic === true) throw unsupported("atomic batches");
  const { tables = [] } = request;
  if (tables.length === 0) throw parameterInvalid("No row is specified in BatchWriteRow.");
  checkTableNames(tables);
  for (const { tableName, rows = [] } of tables) {
    if (rows.length === 0) throw parameterInvalid(`No operation is specified for table: '${tableName}'.`);
  }
  const changes = tables.flatMap(({ rows = [] }) => rows);
  checkRowCount([changes.length], context.limits.rowsPerBatchWrite);
  const bytes = changes.reduce((sum, { rowChange }) => sum + rowChange.length, 0);
  if (bytes > context.limits.writeBytes) {
    throw parameterInvalid(
      `The total data size of BatchWriteRow request exceeds the limit, limit size: ${context.limits.writeBytes} , data size:${bytes}.`,
    );
  }
  // An error in any row that does not depend on what is stored fails the whole request, before anything is written.
  const steps = tables.map(({ tableName, rows = [] }) => {
    const table = tableOf(tableName, context);
    const prepared = rows.map((row) => prepare(table, row));
    checkRepeatedRows(prepared, context.readings);
    return prepared;
  });
  const answers = steps.map((list) => list.map((): RowInBatch => ({ isOk: false })));
  const order = steps.flatMap((list, table) => list.map((step, row) => ({ step, table, row })));
  for (const { step, table, row } of context.shuffle(order)) {
    const list = answers[table] as RowInBatch[];
    const name = tables[table]?.tableName ?? "";
    list[row] = perform(step, context.rowFault({ operation: "BatchWriteRow", table: name, index: row }));
  }
  return { tables: tables.map(({ tableName }, index) => ({ tableName, rows: answers[index] as RowInBatch[] })) };
}

function prepare(
  table: Table | ServiceError,
  row: Parameters<Table["prepare"]>[2] & { type: number; rowChange: Buffer },
): Step {
  const kind = WRITE_KINDS.get(row.type);
  if (kind === undefined) throw parameterInvalid("The modify type is invalid.");
  if (table instanceof ServiceError) return { answer: failed(table) };
  try {
    return { write: table.prepare(kind, row.rowChange, row) };
  } catch (error) {
    const problem = serviceError(error);
    // The only error of this kind that the service answers for the row alone.
    if (problem.code === invalidKey("").code) return { answer: failed(problem) };
    throw problem;
  }
}

function checkRepeatedRows(steps: readonly Step[], readings: Readings): void {
  const writes = steps.flatMap((step) => ("write" in step ? [step.write] : []));
  const identities = writes.flatMap(({ identity }) => identity ?? []);
  const repeated = new Set(identities.filter((identity, index) => identities.indexOf(identity) !== index));
  if (repeated.size === 0) return;
  readings.check("repeated-rows", "Duplicate rows detected in BatchWriteRow.");
  if (writes.some(({ identity, conditional }) => identity !== undefined && repeated.has(identity) && conditional)) {
    throw parameterInvalid("Repeated rows do not support row condition check in BatchModify.");
  }
}

function perform(step: Step, fault: RowFault | undefined): RowInBatch {
  if (fault?.when === "before") return failed(fault.error);
  const answer = "answer" in step ? step.answer : attempt(step.write.run);
  return fault === undefined || !answer.isOk ? answer : failed(fault.error);
}
