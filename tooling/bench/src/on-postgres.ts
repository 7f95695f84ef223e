import { randomUUID } from "node:crypto";
import { PostgresChatStore } from "@chatkeep/chat-store-postgres";
import { Pool } from "pg";
import { batches, type Histories, numbers, ofStore, plain, TTL_SECONDS, textOf } from "./histories.js";
import { type LangChainHistory, langChain } from "./langchain.js";
import { type MastraStore, mastra } from "./mastra.js";
import type { LoadPeer } from "./peers.js";
import { OURS, RAW } from "./results.js";
import { roleOf } from "./texts.js";

const TABLES = `
  CREATE TABLE raw_conversations (key text PRIMARY KEY, length bigint NOT NULL, expires_at timestamptz);
  CREATE TABLE raw_messages (key text, position bigint, payload text NOT NULL, PRIMARY KEY (key, position))`;

// An append of any number in one statement, in order and with a time to live, by the least that can hold both.
const APPEND = `
  WITH head AS (
    INSERT INTO raw_conversations AS h VALUES ($1, cardinality($2::text[]), now() + $3 * interval '1 second')
    ON CONFLICT (key) DO UPDATE SET length = h.length + cardinality($2::text[]), expires_at = now() + $3 * interval '1 second'
    RETURNING length
  )
  INSERT INTO raw_messages SELECT $1, head.length - cardinality($2::text[]) + added.number, added.payload
  FROM head, unnest($2::text[]) WITH ORDINALITY AS added (payload, number)`;

const NEWEST = "SELECT payload FROM raw_messages WHERE key = $1 ORDER BY position DESC LIMIT $2";

/** pg's pools don't wait for their connections to end: the error of one that the server's end was quicker for is heard. */
function poolOf(url: string): Pool {
  const pool = new Pool({ connectionString: url });
  pool.on("error", () => {});
  return pool;
}

/** What can be done with pg alone: one statement each, never a named one, as behind a pooler. */
export async function rawPostgres(url: string): Promise<Histories> {
  const pool = poolOf(url);
  const { rows } = await pool.query("SELECT to_regclass('raw_messages') AS found");
  if (rows[0]?.found === null) await pool.query(TABLES);
  const append = (key: string, all: number[]) =>
    pool.query(APPEND, [key, all.map((number) => JSON.stringify(plain(number))), TTL_SECONDS]);
  return {
    name: RAW,
    append: (key, number) => append(key, [number]),
    appendMany: (key, count) => append(key, numbers(count)),
    newest: async (key, count) =>
      (await pool.query<{ payload: string }>(NEWEST, [key, count])).rows
        .map(({ payload }) => JSON.parse(payload) as unknown)
        .reverse(),
    async fill(key, count) {
      for (const batch of batches(count, 5_000)) await append(key, numbers(batch));
    },
    close: () => pool.end(),
  };
}

export const chatkeepPostgres = (url: string) =>
  ofStore(PostgresChatStore.fromUri(url, { ttlSeconds: TTL_SECONDS }), OURS);

interface OldPool {
  on(event: "error", listener: () => void): unknown;
  query(sql: string, values?: unknown[]): Promise<unknown>;
  end(): Promise<void>;
}
interface LangChainPostgres {
  PostgresChatMessageHistory: new (options: object) => LangChainHistory;
}

/** Rows of one history are copied in the server: one INSERT for each, as it does it, would take minutes. */
async function langChainPostgres(url: string, load: LoadPeer): Promise<Histories> {
  const { default: pg } = await load<{ default: { Pool: new (options: object) => OldPool } }>("pg");
  const { PostgresChatMessageHistory } = await load<LangChainPostgres>("@langchain/community/stores/message/postgres");
  const pool = new pg.Pool({ connectionString: url });
  pool.on("error", () => {});
  const tableName = "langchain_chat_histories";
  const historyOf = (sessionId: string) => new PostgresChatMessageHistory({ tableName, sessionId, pool });
  const histories = await langChain(load, "LangChain (postgres)", historyOf, { close: () => pool.end() });
  return {
    ...histories,
    async fill(key, count) {
      const seed = Math.min(count, 100);
      for (let number = 0; number < seed; number++) await histories.append(key, number);
      if (count === seed) return;
      await pool.query(
        `INSERT INTO ${tableName} (session_id, message)
         SELECT session_id, message FROM ${tableName}, generate_series(1, $2::int) AS copy WHERE session_id = $1
         ORDER BY copy, id LIMIT $3`,
        [key, Math.ceil((count - seed) / seed), count - seed],
      );
    },
  };
}

async function mastraPostgres(url: string, load: LoadPeer): Promise<Histories> {
  const { PostgresStore } = await load<{ PostgresStore: new (options: object) => MastraStore }>("@mastra/pg");
  return mastra(new PostgresStore({ id: "bench", connectionString: url, schemaName: "mastra" }), "Mastra (pg)");
}

interface VoltAgent {
  PostgreSQLMemoryAdapter: new (
    options: object,
  ) => {
    createConversation(input: object): Promise<unknown>;
    addMessage(message: object, userId: string, conversationId: string): Promise<void>;
    addMessages(messages: object[], userId: string, conversationId: string): Promise<void>;
    getMessages(userId: string, conversationId: string, options: { limit: number }): Promise<unknown[]>;
    close(): Promise<void>;
  };
}

const USER = "bench";

/** Filled by copies in the server, as LangChain's is; they are a second apart, as it orders by time. */
async function voltAgentPostgres(url: string, load: LoadPeer): Promise<Histories> {
  const { PostgreSQLMemoryAdapter } = await load<VoltAgent>("@voltagent/postgres");
  const pool = poolOf(url);
  const adapter = new PostgreSQLMemoryAdapter({ connection: url });
  const begun = new Set<string>();
  async function begin(id: string): Promise<void> {
    if (begun.has(id)) return;
    begun.add(id);
    await adapter.createConversation({ id, resourceId: USER, userId: USER, title: "bench", metadata: {} });
  }
  const message = (number: number) => ({
    id: randomUUID(),
    role: roleOf(number),
    parts: [{ type: "text", text: textOf(number) }],
  });
  const appendMany = async (key: string, count: number) => {
    await begin(key);
    await adapter.addMessages(numbers(count).map(message), USER, key);
  };
  return {
    name: "VoltAgent (postgres)",
    async append(key, number) {
      await begin(key);
      await adapter.addMessage(message(number), USER, key);
    },
    appendMany,
    newest: (key, limit) => adapter.getMessages(USER, key, { limit }),
    async fill(key, count) {
      const seed = Math.min(count, 100);
      await appendMany(key, seed);
      await pool.query(
        `INSERT INTO voltagent_memory_messages
           (conversation_id, message_id, user_id, role, parts, metadata, format_version, created_at)
         SELECT conversation_id, message_id || copy, user_id, role, parts, metadata, format_version,
           created_at - copy * interval '1 second'
         FROM voltagent_memory_messages, generate_series(1, $2::int) AS copy WHERE conversation_id = $1 LIMIT $3`,
        [key, Math.ceil((count - seed) / seed), count - seed],
      );
    },
    async close() {
      await adapter.close();
      await pool.end();
    },
  };
}

/** Planned by what the tables hold, as autovacuum sees to sooner or later: the raw driver's page sorts a history until then. */
function analyzed(histories: Histories, pool: Pool): Histories {
  return {
    ...histories,
    async fill(key, count) {
      await histories.fill(key, count);
      await pool.query("ANALYZE");
    },
    async close() {
      await histories.close();
      await pool.end();
    },
  };
}

/** All that keep histories in Postgres, in the same database. */
export async function onPostgres(url: string, load: LoadPeer): Promise<Histories[]> {
  const all = [
    await rawPostgres(url),
    chatkeepPostgres(url),
    await langChainPostgres(url, load),
    await mastraPostgres(url, load),
    await voltAgentPostgres(url, load),
  ];
  return all.map((each) => analyzed(each, poolOf(url)));
}
