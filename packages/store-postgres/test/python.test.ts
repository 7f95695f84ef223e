import { randomUUID } from "node:crypto";
import { interop, PythonStore, pythonFails, recorded } from "@chatkeep/store-tests";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { afterAll, describe, expect, it } from "vitest";
import { PostgresChatStore } from "../src/index.js";
import { dropSchema, newSchema, sql } from "./support/schemas.js";

const server = runningServer("postgres");
const layout = "llamaindex" as const;

/** Python's statements name no schema where they delete, so that it must be one of the search path. */
const newTable = () => `chats_${randomUUID().slice(0, 8)}`;
const drop = (url: string, ...tables: string[]) => sql(url, `DROP TABLE IF EXISTS ${tables.join(", ")}`);

async function nameOf(url: string): Promise<string> {
  const [row] = await sql(url, "SHOW server_version");
  return `Postgres ${String(row?.server_version).split(" ")[0]}`;
}

describe.runIf(server).each([false, true])("with LlamaIndex Python on the same table, jsonb: %s", (useJsonb) => {
  interop({
    backend: "postgres",
    oldest: "stores-old",
    append: "atomic",
    lacks: { insert: "there is none" },
    // NUL.
    impossible: useJsonb ? ["odd text"] : [],
    async start() {
      const { url } = server!;
      const tableName = newTable();
      const store = PostgresChatStore.fromUri(url, { layout, tableName, useJsonb });
      // Made by us, found by both of Python's versions.
      await store.setup();
      return {
        server: await nameOf(url),
        store,
        settings: { uri: url, table_name: tableName, use_jsonb: useJsonb },
        close: async () => {
          await drop(url, `data_${tableName}`);
        },
      };
    },
  });
});

describe.runIf(server)("what is Postgres's own with LlamaIndex Python", () => {
  const { url } = server ?? { url: "" };
  const record = recorded("postgres");
  const tables: string[] = [];
  const start = (environment: string, tableName: string, more: Record<string, unknown> = {}) =>
    PythonStore.start(environment, "postgres", { uri: url, table_name: tableName, ...more });

  afterAll(async () => {
    await drop(url, ...tables.map((name) => `"${name}"`));
  });

  it.each([
    ["the newest", "newest", ""],
    ["the oldest", "stores-old", "data_"],
  ])(
    "the table that %s package makes is found, and is as ours in its names and types",
    async (_, environment, prefix) => {
      const theirs = newTable();
      const ours = newTable();
      tables.push(prefix + theirs, `data_${ours}`);
      const python = await start(environment, theirs, { use_jsonb: true });
      await python.addStored("k", { role: "user", content: "from Python" });
      const store = PostgresChatStore.fromUri(url, { layout, tableName: theirs.toUpperCase(), autoSetup: false });
      await store.addMessage("k", { role: "assistant", content: "from us" });
      expect((await store.getMessages("k")).map(({ content }) => content)).toEqual(["from Python", "from us"]);
      await store.close();

      const made = PostgresChatStore.fromUri(url, { layout, tableName: ours, useJsonb: true });
      await made.setup();
      await made.close();
      const shape = (table: string) =>
        sql(
          url,
          `SELECT (SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod) || ' ' || attnotnull::text, ', ' ORDER BY attnum)
              FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0) AS columns,
            (SELECT string_agg(replace(conname, $2, '') || ' ' || contype::text, ', ' ORDER BY conname)
              FROM pg_constraint WHERE conrelid = $1::regclass AND contype IN ('p', 'u')) AS constraints,
            (SELECT string_agg(replace(indexdef, $2, ''), ', ' ORDER BY indexname)
              FROM pg_indexes WHERE tablename = $2) AS indexes`,
          [table, table],
        );
      expect(await shape(`data_${ours}`)).toEqual(await shape(prefix + theirs));
    },
    600_000,
  );

  pythonFails(
    record,
    "`delete_last_message` removes what was appended meanwhile, and answers what is still there",
    async () => {
      const tableName = newTable();
      tables.push(`data_${tableName}`);
      const store = PostgresChatStore.fromUri(url, { layout, tableName });
      await store.setMessages("k", [{ content: "a" }, { content: "b" }]);
      const python = await start("newest", tableName);
      python.interrupt(1, () => store.addMessage("k", { content: "ours" }));
      expect((await python.pop("k"))?.content).toBe("b");
      expect((await store.getMessages("k")).map(({ content }) => content)).toEqual(["a", "b"]);

      const [popped] = await Promise.all([store.deleteLastMessage("k"), store.addMessage("k", { content: "ours" })]);
      const left = (await store.getMessages("k")).map(({ content }) => content);
      expect([...left, popped?.content].sort()).toEqual(["a", "b", "ours"]);
      await store.close();
    },
  );

  pythonFails(
    record,
    "deletes of single messages fail in a schema that is not on the search path, or hit a table of the same name that is",
    async () => {
      const tableName = newTable();
      const schemaName = newSchema();
      const open = (schema: string) => PostgresChatStore.fromUri(url, { layout, tableName, schemaName: schema });
      const [store, other] = [open(schemaName), open("public")];
      const left = async (of: PostgresChatStore) => (await of.getMessages("k")).map(({ content }) => content);
      tables.push(`data_${tableName}`);
      try {
        await store.setMessages(
          "k",
          ["a", "b", "c"].map((content) => ({ content })),
        );
        const python = await start("newest", tableName, { schema_name: schemaName });
        await expect(python.delete("k", 0)).rejects.toThrow(/UndefinedTable/);
        await expect(python.pop("k")).rejects.toThrow(/UndefinedTable/);
        await other.setMessages(
          "k",
          ["d", "e", "f"].map((content) => ({ content })),
        );
        expect((await python.delete("k", 0))?.content).toBe("a");
        expect((await python.pop("k"))?.content).toBe("c");
        expect([await left(store), await left(other)]).toEqual([["a", "b", "c"], ["e"]]);

        expect((await store.deleteMessage("k", 0))?.content).toBe("a");
        expect((await store.deleteLastMessage("k"))?.content).toBe("c");
        expect([await left(store), await left(other)]).toEqual([["b"], ["e"]]);
      } finally {
        await store.close();
        await other.close();
        await dropSchema(url, schemaName);
      }
    },
  );

  pythonFails(record, "a table whose name has to be quoted is made, and can't be written to", async () => {
    const tableName = newTable().replace("_", "-");
    tables.push(tableName);
    const python = await start("newest", tableName);
    await expect(python.set("k", [{ content: "a" }])).rejects.toThrow(/SyntaxError/);
    await expect(python.add("k", { content: "a" })).rejects.toThrow(/SyntaxError/);
    const store = PostgresChatStore.fromUri(url, { layout, tableName });
    await store.setMessages("k", [{ content: "a" }]);
    await store.addMessage("k", { content: "b" });
    expect((await python.get("k")).map(({ content }) => content)).toEqual(["a", "b"]);
    await store.close();
  });

  it("jsonb takes no NUL: an error of ours, and of Python's", async () => {
    const tableName = newTable();
    tables.push(`data_${tableName}`);
    const store = PostgresChatStore.fromUri(url, { layout, tableName, useJsonb: true });
    const odd = { role: "user" as const, content: "NUL \u0000" };
    await expect(store.addMessage("k", odd)).rejects.toMatchObject({ code: "INVALID_MESSAGE" });
    await expect(store.addMessage("k", { ...odd, content: "half \ud83d" })).rejects.toMatchObject({
      code: "INVALID_MESSAGE",
    });
    const python = await start("newest", tableName, { use_jsonb: true });
    await expect(python.add("k", odd)).rejects.toThrow(/UntranslatableCharacter|cannot be converted/);
    expect(await store.countMessages("k")).toBe(0);
    await store.close();
  }, 600_000);
});
