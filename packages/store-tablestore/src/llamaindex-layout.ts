import {
  chatStoreError,
  type DocumentPort,
  type DocumentResult,
  type DocumentWrite,
  type Expected,
  type ListedDocument,
  mayBeginKey,
  type Payload,
  type ReadContext,
  type StoredDocument,
  spaceJson,
  splitJsonArray,
  utf8Length,
} from "@chatkeep/chat-store-core/backend";
import { type Condition, type Key, numberOf, type Range, type Requests, textOf } from "./requests.js";
import { RequestFailed } from "./send.js";
import { sessionColumn } from "./table.js";

const historyColumn = "history";
/** Ours: Python does not read them, and drops them when it writes. */
const markerColumn = "chatkeep";
const expiryColumn = "chatkeep_until";

/** "Limits on wide tables": of a STRING column. */
const columnBytes = 2 * 1024 * 1024;

/** A message's JSON, as it stands in the history. */
type Item = string;

/** The row of a conversation. */
export interface HistoryRow extends StoredDocument<Item> {
  /** All of the history as it is stored. */
  text: string;
}

/** LlamaIndex Python's own layout: one row per conversation, the history a JSON array in one column. */
export class LlamaIndexLayout implements DocumentPort<Item, HistoryRow> {
  readonly maxPayloadBytes = columnBytes;
  /** Tablestore has no operation that appends to a column. */
  readonly appendsUnseen = false;
  readonly expiryUnitMs = 1;
  readonly toItem = spaceJson;
  readonly toPayload = (item: Item): Payload => item;
  readonly #requests: Requests;
  readonly #table: string;
  #keysAlone: boolean | undefined;

  constructor(requests: Requests, table: string) {
    this.#requests = requests;
    this.#table = table;
  }

  now(): number {
    return this.#requests.now();
  }

  /** One GetRow. */
  async read(key: string, context: ReadContext): Promise<HistoryRow | undefined> {
    const columns = await this.#requests.get(this.#table, rowKey(key), context);
    if (columns === undefined) return undefined;
    const text = textOf(columns, historyColumn);
    const items = text === undefined ? undefined : splitJsonArray(text);
    if (text === undefined || items === undefined) {
      const problem = `The row of this conversation has no JSON array in its column ${historyColumn}: it is another application's, or damaged.`;
      throw chatStoreError("CORRUPT_MESSAGE", problem);
    }
    return { text, items, marker: textOf(columns, markerColumn), expiresAt: numberOf(columns, expiryColumn) };
  }

  /** One UpdateRow, or a PutRow for a new row, with the whole history. */
  async write(
    key: string,
    { items = [], marker, expiresAt }: DocumentWrite<Item>,
    expected: Expected<HistoryRow>,
    context: ReadContext,
  ): Promise<DocumentResult<HistoryRow>> {
    const text = `[${items.join(", ")}]`;
    const bytes = utf8Length(text);
    if (bytes > columnBytes) throw tooLarge(bytes);
    const written = { [historyColumn]: text, [markerColumn]: marker };
    if (expected === "nothing") {
      // UpdateRow's documentation has no condition that there be no row.
      const row = {
        key: rowKey(key),
        columns: { ...written, ...(expiresAt === undefined ? {} : { [expiryColumn]: expiresAt }) },
      };
      return resultOf(await this.#requests.put(this.#table, row, "no row", context));
    }
    const columns = { ...written, [expiryColumn]: expiresAt ?? null };
    return resultOf(await this.#requests.update(this.#table, rowKey(key), columns, conditionOf(expected), context));
  }

  /** One DeleteRow. */
  async delete(key: string, expected: Expected<HistoryRow>, context: ReadContext): Promise<DocumentResult<HistoryRow>> {
    return resultOf(await this.#requests.delete(this.#table, rowKey(key), conditionOf(expected), context));
  }

  /** One DeleteRow. */
  deleteExpired(key: string, expiresAt: number, context: ReadContext): Promise<boolean> {
    return this.#requests.delete(this.#table, rowKey(key), { [expiryColumn]: expiresAt }, context);
  }

  /**
   * Two GetRange: one for the keys, and one for those whose history is empty. Two more, once, to see whether the service
   * gives rows of which only the key is asked for; where it does not, the histories come along.
   */
  async list(
    prefix: string,
    limit: number,
    cursor: string | undefined,
    context: ReadContext,
  ): Promise<{ documents: ListedDocument[]; cursor?: string | undefined }> {
    if (!mayBeginKey(prefix)) return { documents: [] };
    const from = cursor ?? (prefix === "" ? undefined : prefix);
    const columns = [expiryColumn, (await this.#givesKeysAlone(context)) ? sessionColumn : historyColumn];
    const page = await this.#range({ from }, { columns, limit }, context);
    const emptied = await this.#emptied({ from, to: page.next }, context);
    const documents = page.rows.map(({ key: [key = ""], columns }) => ({
      key,
      empty: emptied.has(key),
      expiresAt: numberOf(columns, expiryColumn),
    }));
    return { documents, cursor: page.next?.startsWith(prefix) === true ? page.next : undefined };
  }

  /** Keys in a range whose history is there and empty: Python leaves such rows, and so do we, for the marker's sake. */
  async #emptied({ from, to }: Pick<Range, "from" | "to">, context: ReadContext): Promise<Set<string | undefined>> {
    const found = new Set<string | undefined>();
    let next = from;
    do {
      const options = { columns: [historyColumn], only: { [historyColumn]: "[]" } };
      const page = await this.#range({ from: next, to }, options, context);
      for (const { key } of page.rows) found.add(key[0]);
      next = page.next;
    } while (next !== undefined);
    return found;
  }

  /**
   * The documentation says of columnsToGet that it may name columns of the primary key, and that a row without any of the
   * columns is not given; not whether the former count for the latter. Some row of the table tells.
   */
  async #givesKeysAlone(context: ReadContext): Promise<boolean> {
    if (this.#keysAlone !== undefined) return this.#keysAlone;
    const some = await this.#range({}, { columns: [historyColumn], limit: 1 }, context);
    const key = some.rows[0]?.key[0];
    if (key === undefined) return false;
    try {
      const same = await this.#range({ from: key }, { columns: [sessionColumn], limit: 1 }, context);
      this.#keysAlone = same.rows[0]?.key[0] === key;
    } catch (error) {
      if (!(error instanceof RequestFailed) || error.code !== "OTSParameterInvalid") throw error;
      this.#keysAlone = false;
    }
    return this.#keysAlone;
  }

  #range(bounds: Pick<Range, "from" | "to">, options: Parameters<Requests["range"]>[2], context: ReadContext) {
    return this.#requests.range(this.#table, { shared: [], by: sessionColumn, ...bounds }, options, context);
  }
}

function rowKey(key: string): Key {
  return [[sessionColumn, key]];
}

function conditionOf(expected: Expected<HistoryRow>): Condition {
  if (expected === "nothing") return "no row";
  if ("marker" in expected) return { [markerColumn]: expected.marker };
  const { text, marker } = expected.document;
  return { [historyColumn]: text, [markerColumn]: marker ?? null };
}

function resultOf(applied: boolean): DocumentResult<HistoryRow> {
  return applied ? { applied } : { applied, sentOnce: true };
}

function tooLarge(bytes: number) {
  return chatStoreError(
    "MESSAGE_TOO_LARGE",
    `The conversation would have ${bytes} bytes, more than the ${columnBytes} that its column holds. Trim it with trimMessages, or keep conversations in the layout "chatkeep", which has no such limit.`,
  );
}
