import { chatStoreError, pause, type ReadContext } from "@chatkeep/chat-store-core/backend";
import { isPassing } from "./explain.js";
import type { Settings } from "./options.js";
import type { Key, Requests, TableDescription } from "./requests.js";
import { RequestFailed } from "./send.js";

/** The primary key of the layout "chatkeep"; of its rows, with `id` behind it. */
export const keyColumn = "key";
/** The primary key of the layout "llamaindex". */
export const sessionColumn = "session_id";
/** What the name of the table of rows ends in. */
export const rowsSuffix = "_rows";

/** The tables of the layout "chatkeep". */
export interface Tables {
  heads: string;
  rows: string;
}

export function tablesOf(table: string): Tables {
  return { heads: table, rows: `${table}${rowsSuffix}` };
}

type TableSettings = Pick<Settings, "table" | "layout">;

/** Each table that a layout needs, with the columns of its primary key: all of them STRING. */
function neededTables({ table, layout }: TableSettings): [name: string, primaryKey: string[]][] {
  if (layout === "llamaindex") return [[table, [sessionColumn]]];
  const { heads, rows } = tablesOf(table);
  return [
    [heads, [keyColumn]],
    [rows, [keyColumn, "id"]],
  ];
}

/** Makes the tables that are missing, and settles when all can be read and written. Many processes may do it at once. */
export async function setUp(requests: Requests, settings: TableSettings, context: ReadContext): Promise<void> {
  const needed = neededTables(settings);
  for (const [name, primaryKey] of needed) await ensure(requests, name, primaryKey, settings.layout, context);
  for (const [name, primaryKey] of needed) await waitUntilUsable(requests, name, primaryKey, context);
}

async function ensure(
  requests: Requests,
  name: string,
  primaryKey: string[],
  layout: Settings["layout"],
  context: ReadContext,
): Promise<void> {
  const describe = () => requests.describe(name, context);
  const existing = await persistent(context, describe, { ending: "OTSObjectNotExist" });
  if (existing === undefined) {
    const create = () => requests.create(name, primaryKey, context);
    // Or another process makes it right now.
    await persistent(context, create, { ending: "OTSObjectAlreadyExist" });
  }
  const table = existing ?? (await persistent(context, describe, { passing: "OTSObjectNotExist" }));
  if (table !== undefined) checkTable(name, table, primaryKey, layout);
}

function checkTable(
  name: string,
  table: TableDescription,
  primaryKey: readonly string[],
  layout: Settings["layout"],
): void {
  const found = table.primaryKey.map((column) => `${column.name} ${column.type}`).join(", ");
  const wanted = primaryKey.map((column) => `${column} STRING`).join(", ");
  if (found !== wanted) {
    const problem = `Table ${name} has the primary key (${found}); the layout "${layout}" needs (${wanted}). Take another table.`;
    throw chatStoreError("MISCONFIGURED", problem);
  }
  if (layout === "chatkeep" && table.timeToLive !== -1) {
    const problem = `Table ${name} has a time to live, which takes the older messages of conversations that go on. Set it to -1, and use ttlSeconds.`;
    throw chatStoreError("MISCONFIGURED", problem);
  }
}

/** "CreateTable": a table that was made can't be used for up to a minute, though it is listed. */
async function waitUntilUsable(
  requests: Requests,
  name: string,
  primaryKey: string[],
  context: ReadContext,
): Promise<void> {
  const nobody: Key = primaryKey.map((column) => [column, "~"]);
  const passing = "OTSObjectNotExist";
  await persistent(context, () => requests.get(name, nobody, context), { passing });
  // Changes nothing: no row has a column of that name.
  const never = { chatkeep_setup: "x" };
  await persistent(context, () => requests.delete(name, nobody, never, context), { passing });
}

/**
 * Sends again what failed for a passing reason, or with the code `passing`, for more than a minute. Undefined when it
 * failed with the code `ending`.
 */
async function persistent<T>(
  { signal }: ReadContext,
  run: () => Promise<T>,
  { ending, passing }: { ending?: string; passing?: string },
): Promise<T | undefined> {
  for (let round = 0; ; round++) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error;
      if (error.code === ending) return undefined;
      if (round === mostRounds || !(isPassing(error) || error.code === passing)) throw error;
    }
    await pause(Math.min(3_000, 100 * 2 ** round) * (0.5 + Math.random() / 2), signal);
    if (signal.aborted)
      throw chatStoreError("ABORTED", "The set-up was given up. Call it again: it goes on where it was.");
  }
}

/** Some 100 seconds. */
const mostRounds = 48;
