import {
  chatStoreError,
  type Driver,
  type DriverKeys,
  type DriverPage,
  type Payload,
  pause,
  type ReadContext,
  type WriteContext,
} from "@chatkeep/chat-store-core/backend";
import type { Database, Result } from "./database.js";
import { isContention } from "./explain.js";
import type { DataTable } from "./llamaindex-table.js";
import { named, type Statement } from "./statement.js";

/**
 * LlamaIndex Python's own layout: a row for each conversation, the messages an array in it. Each operation is one
 * statement on that row, so that none of ours is lost or torn. It has no place for the ids of operations.
 */
export class LlamaIndexLayout implements Driver {
  readonly exactlyOnce = false;
  /** jsonb, and arrays of any type, have 256 MB and 1 GB with all messages of a conversation. */
  readonly maxPayloadBytes = 255 * 1024 * 1024;
  readonly #database: Database;
  readonly #sql;

  constructor(database: Database, { sql: data, elements }: DataTable) {
    this.#database = database;
    const added = `$2::text[]::${elements}[]`;
    // Locked first, so that what follows sees the newest version of the row.
    const locked = `WITH old AS (SELECT id, value FROM ${data} WHERE key = $1 FOR UPDATE)`;
    this.#sql = named({
      append: `
INSERT INTO ${data} AS d (key, value) VALUES ($1, ${added})
ON CONFLICT (key) DO UPDATE SET value = array_cat(d.value, excluded.value)`,
      insertFirst: `
INSERT INTO ${data} AS d (key, value) VALUES ($1, ${added})
ON CONFLICT (key) DO UPDATE SET value = array_cat(excluded.value, d.value)`,
      insert: `
UPDATE ${data} d SET value = d.value[:$3::int] || ${added} || d.value[$3::int + 1:]
WHERE d.key = $1 AND cardinality(d.value) >= $3::int`,
      replace: `
INSERT INTO ${data} AS d (key, value) VALUES ($1, ${added})
ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
      forget: `DELETE FROM ${data} WHERE key = $1`,
      edit: `${locked}
UPDATE ${data} d SET value = old.value[:$3::int] || ${added} || old.value[$3::int + 2:]
FROM old WHERE d.id = old.id AND cardinality(old.value) > $3::int RETURNING old.value[$3::int + 1]::text`,
      remove: `${locked}
UPDATE ${data} d SET value = old.value[:$2::int] || old.value[$2::int + 2:]
FROM old WHERE d.id = old.id AND cardinality(old.value) > $2::int RETURNING old.value[$2::int + 1]::text`,
      pop: `${locked}
UPDATE ${data} d SET value = old.value[:cardinality(old.value) - 1]
FROM old WHERE d.id = old.id AND cardinality(old.value) > 0 RETURNING old.value[cardinality(old.value)]::text`,
      trim: `${locked}
UPDATE ${data} d SET value = old.value[cardinality(old.value) - $2::int + 1:]
FROM old WHERE d.id = old.id AND cardinality(old.value) > $2::int RETURNING cardinality(old.value) - $2::int`,
      all: `SELECT m.payload::text FROM ${data} d, unnest(d.value) WITH ORDINALITY AS m (payload, place)
WHERE d.key = $1 ORDER BY m.place`,
      oldest: `SELECT m.payload::text FROM ${data} d, unnest(d.value[:$2::int]) WITH ORDINALITY AS m (payload, place)
WHERE d.key = $1 ORDER BY m.place`,
      /** $2 how many, $3 where the page ends. Answers the length, and each payload. */
      page: `
SELECT cardinality(d.value), m.payload::text FROM ${data} d LEFT JOIN LATERAL unnest(
  d.value[greatest(coalesce($3::int, cardinality(d.value)) - $2::int, 0) + 1 : coalesce($3::int, cardinality(d.value))]
) WITH ORDINALITY AS m (payload, place) ON true
WHERE d.key = $1 ORDER BY m.place`,
      count: `SELECT cardinality(value) FROM ${data} WHERE key = $1`,
      list: `
SELECT key, cardinality(value) > 0 FROM ${data}
WHERE ($1::text IS NULL OR key > $1) AND starts_with(key, $2) ORDER BY key LIMIT $3::int`,
    });
  }

  async append(key: string, payloads: readonly Payload[], context: WriteContext): Promise<void> {
    await this.#run(this.#sql.append, [keyOf(key), payloads], context);
  }

  async insert(key: string, index: number, payload: Payload, context: WriteContext): Promise<boolean> {
    if (index === 0) {
      await this.#run(this.#sql.insertFirst, [keyOf(key), [payload]], context);
      return true;
    }
    if (index > mostPlaces) return false;
    const { count } = await this.#run(this.#sql.insert, [keyOf(key), [payload], index], context);
    return count > 0;
  }

  async replace(key: string, payloads: readonly Payload[], context: WriteContext): Promise<void> {
    await this.#run(this.#sql.replace, [keyOf(key), payloads], context);
  }

  async forget(key: string, context: WriteContext): Promise<void> {
    await this.#run(this.#sql.forget, [keyOf(key)], context);
  }

  async edit(key: string, index: number, payload: Payload, context: WriteContext): Promise<Payload | undefined> {
    if (index > mostPlaces) return undefined;
    return taken(await this.#run(this.#sql.edit, [keyOf(key), [payload], index], context));
  }

  async remove(key: string, index: number, context: WriteContext): Promise<Payload | undefined> {
    if (index > mostPlaces) return undefined;
    return taken(await this.#run(this.#sql.remove, [keyOf(key), index], context));
  }

  async pop(key: string, context: WriteContext): Promise<Payload | undefined> {
    return taken(await this.#run(this.#sql.pop, [keyOf(key)], context));
  }

  async trim(key: string, keepLast: number, context: WriteContext): Promise<number> {
    if (keepLast > mostPlaces) return 0;
    const { rows } = await this.#run(this.#sql.trim, [keyOf(key), keepLast], context);
    return Number(rows[0]?.[0] ?? 0);
  }

  async readAll(key: string, context: ReadContext): Promise<Payload[]> {
    const { rows } = await this.#run(this.#sql.all, [keyOf(key)], context);
    return rows.map(([payload]) => payload ?? "");
  }

  async readPage(key: string, limit: number, before: string | undefined, context: ReadContext): Promise<DriverPage> {
    if (before !== undefined && !/^[1-9]\d{0,8}$/.test(before)) {
      throw chatStoreError("INVALID_ARGUMENT", "before is no cursor of this store.");
    }
    const end = before === undefined ? null : Number(before);
    const { rows } = await this.#run(this.#sql.page, [keyOf(key), Math.min(limit, mostPlaces), end], context);
    const length = Number(rows[0]?.[0] ?? 0);
    if (end !== null && end > length) {
      const problem = "The history that this page belonged to was changed there or has ended. Read the newest page.";
      throw chatStoreError("CONFLICT", problem);
    }
    const start = Math.max(0, (end ?? length) - limit);
    const payloads = length === 0 ? [] : rows.map((row) => row[1] ?? "");
    return start === 0 ? { payloads } : { payloads, before: String(start) };
  }

  async readOldest(key: string, limit: number, context: ReadContext): Promise<Payload[]> {
    const { rows } = await this.#run(this.#sql.oldest, [keyOf(key), Math.min(limit, mostPlaces)], context);
    return rows.map(([payload]) => payload ?? "");
  }

  async count(key: string, context: ReadContext): Promise<number> {
    const { rows } = await this.#run(this.#sql.count, [keyOf(key)], context);
    return Number(rows[0]?.[0] ?? 0);
  }

  async listKeys(prefix: string, limit: number, cursor: string | undefined, context: ReadContext): Promise<DriverKeys> {
    // Half a pair at its end may be the beginning of a key all the same.
    const whole = prefix.replace(/[\ud800-\udbff]$/u, "");
    if (/[\0\p{Surrogate}]/u.test(whole)) return { keys: [] };
    const { rows } = await this.#run(this.#sql.list, [cursor ?? null, whole, limit], context);
    const keys = rows.flatMap(([key, live]) => (live === "t" && key?.startsWith(prefix) ? [key] : []));
    return { keys, cursor: rows.length < limit ? undefined : (rows.at(-1)?.[0] ?? undefined) };
  }

  /** Nothing expires in this layout. */
  async purge(): Promise<number> {
    return 0;
  }

  /** The pool is the store's. */
  async close(): Promise<void> {}

  async #run(statement: Statement, values: unknown[], { signal }: ReadContext): Promise<Result> {
    for (let tries = 0; ; tries++) {
      try {
        return await this.#database.run(signal, statement, values);
      } catch (error) {
        const { code } = error as { code?: unknown };
        // untranslatable_character, invalid_text_representation: what jsonb does not take of JSON.
        if (code === "22P05" || code === "22P02") throw notForJsonb();
        if (!isContention(error) || signal.aborted) throw error;
        await pause(Math.random() * Math.min(500, 5 * 2 ** tries), signal);
      }
    }
  }
}

/** No array has more elements than integers count. */
const mostPlaces = 2 ** 31 - 2;

function keyOf(key: string): string {
  if (!key.includes("\0")) return key;
  const problem = "A key with NUL can't be a key in LlamaIndex's table. Take another, or the layout \"chatkeep\".";
  throw chatStoreError("INVALID_KEY", problem, { key });
}

function taken({ rows }: Result): Payload | undefined {
  return rows.length === 0 ? undefined : (rows[0]?.[0] ?? "null");
}

function notForJsonb() {
  const problem =
    "jsonb holds no NUL and no half of a surrogate pair. Leave them out, or keep the conversation in a table with json[].";
  return chatStoreError("INVALID_MESSAGE", problem);
}
