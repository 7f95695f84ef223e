import { readFile } from "node:fs/promises";
import { isChatStoreError } from "@chatkeep/chat-store-core";
import { postgresUser } from "@chatkeep/test-servers";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { Pool } from "pg";
import { afterAll, describe, expect, it } from "vitest";
import { PostgresChatStore, type PostgresChatStoreOptions } from "../src/index.js";
import { migrations, migrationsTable } from "../src/migrations.js";
import { tablesOf } from "../src/names.js";
import { dropSchema, newSchema, sql } from "./support/schemas.js";

const server = runningServer("postgres");
const { user, password } = postgresUser;

const message = (content: string) => ({ role: "user" as const, content });
const refused = (make: () => unknown) => {
  try {
    make();
  } catch (error) {
    if (isChatStoreError(error)) return error;
  }
  return expect.fail("it was not refused");
};

describe("options", () => {
  const uri = `postgresql://${user}:${password}@127.0.0.1:1/x`;

  it.each([
    [{ pool: {} }, "pool"],
    [{ pool: new Pool(), host: "x" }, "pool and host"],
    [{ connectionString: "mysql://x" }, "postgresql://"],
    [{ connectionString: `not a ${password}` }, "connectionString"],
    [{ port: 0 }, "port"],
    [{ max: 1.5 }, "max"],
    [{ password: 5 }, "password"],
    [{ ssl: "yes" }, "ssl"],
    [{ host: 5 }, "host"],
    [{ layout: "other" }, "layout"],
    [{ tableName: "" }, "tableName"],
    [{ tableName: "x".repeat(50) }, "tableName"],
    [{ tableName: "a\0" }, "tableName"],
    [{ schemaName: "x".repeat(64) }, "schemaName"],
    [{ autoSetup: 1 }, "autoSetup"],
    [{ preparedStatements: "no" }, "preparedStatements"],
    [{ useJsonb: 1, layout: "llamaindex" }, "useJsonb"],
    [{ ttlSeconds: -1 }, "ttlSeconds"],
    [{ table: "x" }, "table"],
  ])("%j is refused", (options, told) => {
    const error = refused(() => new PostgresChatStore(options as PostgresChatStoreOptions));
    expect(error.code).toBe("INVALID_ARGUMENT");
    expect(error.message).toContain(told);
    expect(error.message).not.toContain(password);
  });

  it("what a layout has no place for is unsupported", () => {
    expect(refused(() => new PostgresChatStore({ layout: "llamaindex", ttlSeconds: 5 })).code).toBe("UNSUPPORTED");
    expect(refused(() => new PostgresChatStore({ useJsonb: true })).code).toBe("UNSUPPORTED");
  });

  it("no store shows its connection", () => {
    const store = PostgresChatStore.fromUri(uri);
    expect(JSON.stringify({ store }) + Object.values(store).join()).not.toContain(password);
  });
});

describe.runIf(server)("setup", () => {
  const { url } = server ?? { url: "" };
  const schemas: string[] = [];
  const schema = (name = newSchema()) => {
    schemas.push(name);
    return name;
  };
  const open = (options: PostgresChatStoreOptions) =>
    new PostgresChatStore({ connectionString: url, ...options } as PostgresChatStoreOptions);
  it("LlamaIndex's table has no key with NUL", async () => {
    const store = open({ schemaName: schema(), layout: "llamaindex" });
    const error: unknown = await store.addMessage("a\0", message("x")).catch((reason: unknown) => reason);
    await store.close();
    expect(isChatStoreError(error) && [error.code, error.outcome]).toEqual(["INVALID_KEY", "not-applied"]);
  });

  const failure = async (
    store: PostgresChatStore,
    call = (s: PostgresChatStore): Promise<unknown> => s.getMessages("k"),
  ) => {
    try {
      const error: unknown = await call(store).then(
        () => expect.fail("it did not fail"),
        (reason: unknown) => reason,
      );
      if (!isChatStoreError(error)) throw error;
      expect(`${error.message} ${error.stack}`).not.toContain(password);
      expect(error).not.toHaveProperty("cause");
      return error;
    } finally {
      await store.close();
    }
  };

  afterAll(async () => {
    for (const name of schemas) await dropSchema(url, name);
  });

  it.each(["chatkeep", "llamaindex"] as const)("20 at once make the tables once, layout %s", async (layout) => {
    const schemaName = schema();
    const stores = Array.from({ length: 20 }, () => open({ schemaName, layout, max: 2 }));
    await Promise.all(stores.map((store, i) => (i % 2 === 0 ? store.setup() : store.addMessage("k", message(`${i}`)))));
    expect(await stores[0]?.countMessages("k")).toBe(10);
    await stores[0]?.setup();
    for (const store of stores) await store.close();
  });

  it.each([
    ['Mixed "Case"; DROP SCHEMA public; --', "My.Chats"],
    ["1 schéma 你好", 'a"b'],
    [" ", "'"],
    ["select", "table"],
  ])("schema %j and table %j are names and nothing else", async (schemaName, tableName) => {
    schema(schemaName);
    for (const layout of ["chatkeep", "llamaindex"] as const) {
      if (layout === "llamaindex") schema(schemaName.toLowerCase());
      const store = open({ schemaName, tableName, layout, ...(layout === "chatkeep" ? { ttlSeconds: 60 } : {}) });
      await store.addMessages("k", [message("a"), message("b"), message("c")]);
      await store.addMessage("k", message("d"), { index: 1 });
      await store.deleteMessage("k", 0);
      await store.replaceMessage("k", 0, message("e"));
      await store.trimMessages("k", 2);
      expect(await store.deleteLastMessage("k")).toEqual(message("c"));
      expect(await store.getKeys()).toEqual(["k"]);
      expect((await store.getPage("k", { limit: 5 })).messages).toEqual([message("b")]);
      await store.purgeExpired();
      await store.setMessages("k", []);
      await store.close();
    }
  });

  it("schema.sql makes the same tables, for a user who may not make any", async () => {
    const shipped = await readFile(new URL("../schema.sql", import.meta.url), "utf8");
    const tables = tablesOf("public", "chatstore");
    const statements = [migrationsTable(tables), ...migrations(tables).flat()];
    const versions = Array.from({ length: migrations(tables).length + 1 }, (_, version) => `(${version})`).join(", ");
    statements.push(`INSERT INTO ${tables.sql.migrations} (version) VALUES ${versions}`);
    expect(shipped.slice(shipped.indexOf("\n\n") + 2)).toBe(`${statements.join(";\n\n")};\n`);

    const schemaName = schema();
    const role = `app_${schemaName}`;
    await sql(url, `CREATE SCHEMA "${schemaName}"; ${shipped.replaceAll('"public"', `"${schemaName}"`)}`);
    await sql(
      url,
      `CREATE ROLE "${role}" LOGIN PASSWORD 'app-password'; GRANT USAGE ON SCHEMA "${schemaName}" TO "${role}"`,
    );
    const asRole = { connectionString: url.replace(`${user}:${password}`, `${role}:app-password`), schemaName };
    try {
      const denied = await failure(open({ ...asRole, autoSetup: false }));
      expect(denied.code).toBe("MISCONFIGURED");
      expect(denied.message).toContain("grants");
      await sql(
        url,
        `GRANT SELECT, INSERT, UPDATE, DELETE ON "${schemaName}".chatstore_conversations, "${schemaName}".chatstore_messages TO "${role}"`,
      );
      for (const autoSetup of [false, true]) {
        const store = open({ ...asRole, autoSetup, ttlSeconds: 60 });
        await store.addMessages("k", [message("a"), message("b")]);
        await store.deleteLastMessage("k");
        await store.purgeExpired();
        expect(await store.countMessages("k")).toBe(autoSetup ? 2 : 1);
        await store.close();
      }
      const other = await failure(open({ ...asRole, tableName: "other" }));
      expect(other.code).toBe("MISCONFIGURED");
      const elsewhere = await failure(open({ ...asRole, schemaName: "nowhere" }));
      expect(elsewhere.code).toBe("MISCONFIGURED");
    } finally {
      await sql(url, `DROP OWNED BY "${role}"; DROP ROLE "${role}"`);
    }
  });

  it("without autoSetup missing tables name setup(), and work once they are there", async () => {
    const schemaName = schema();
    for (const layout of ["chatkeep", "llamaindex"] as const) {
      const store = open({ schemaName, layout, autoSetup: false });
      const error = await store.addMessage("k", message("a")).catch((reason: unknown) => reason);
      expect(isChatStoreError(error, "MISCONFIGURED") && error.outcome).toBe("not-applied");
      expect((error as Error).message).toMatch(/setup\(\)/);
      await store.setup();
      await store.addMessage("k", message("a"));
      await store.close();
    }
  });

  it("tables of the right name and the wrong shape are named, with what differs", async () => {
    const schemaName = schema();
    await sql(url, `CREATE SCHEMA "${schemaName}"`);
    const wrong = async (ddl: string, options: PostgresChatStoreOptions, told: RegExp) => {
      await sql(url, ddl.replaceAll("@", `"${schemaName}"`));
      const using = await failure(open({ schemaName, ...options }));
      const settingUp = await failure(open({ schemaName, ...options }), (store) => store.setup());
      for (const error of [using, settingUp]) {
        expect(error.code).toBe("MISCONFIGURED");
        expect(error.message).toMatch(told);
      }
    };
    await open({ schemaName, tableName: "a" }).setup();
    await wrong(
      "ALTER TABLE @.a_messages ALTER payload TYPE jsonb USING payload::jsonb",
      { tableName: "a" },
      /a_messages.*payload.*jsonb.*text/,
    );
    await open({ schemaName, tableName: "b" }).setup();
    await wrong("ALTER TABLE @.b_conversations DROP COLUMN length", { tableName: "b" }, /b_conversations.*length/);
    await open({ schemaName, tableName: "c" }).setup();
    await wrong('ALTER TABLE @.c_messages ALTER key TYPE text COLLATE "und-x-icu"', { tableName: "c" }, /und-x-icu/);
    await open({ schemaName, tableName: "d" }).setup();
    await wrong("ALTER TABLE @.d_messages DROP CONSTRAINT d_messages_pkey", { tableName: "d" }, /primary key/);
    await wrong(
      "CREATE TABLE @.data_e (key varchar, value json)",
      { tableName: "e", layout: "llamaindex" },
      /data_e.*value.*json/,
    );
    await wrong(
      "CREATE TABLE @.data_f (key int, value json[])",
      { tableName: "f", layout: "llamaindex" },
      /data_f.*key/,
    );
    await open({ schemaName, tableName: "g", layout: "llamaindex" }).setup();
    await wrong("SELECT 1", { tableName: "g", layout: "llamaindex", useJsonb: true }, /useJsonb/);
    await wrong("CREATE TABLE @.h_conversations (id int)", { tableName: "h" }, /h_conversations/);
  });

  it("a database in another encoding is told as what it is", async () => {
    const name = newSchema();
    await sql(url, `CREATE DATABASE "${name}" ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`);
    try {
      const store = open({ connectionString: url.replace(/\/postgres$/, `/${name}`) });
      const error = await failure(store, (each) => each.addMessage("k", message("你好")));
      expect(error).toMatchObject({ code: "MISCONFIGURED", outcome: "not-applied" });
      expect(error.message).toContain("UTF8");
    } finally {
      await sql(url, `DROP DATABASE "${name}"`);
    }
  });

  it.each([
    ["a wrong password", { password: "wrong" }, "MISCONFIGURED", "password"],
    ["no such database", { database: "no-such" }, "MISCONFIGURED", "database"],
    ["nobody who listens", { port: 9 }, "UNAVAILABLE", "ECONNREFUSED"],
    ["no such host", { host: "no-such-host.invalid" }, "UNAVAILABLE", "reached"],
    ["TLS that the server lacks", { ssl: true }, "MISCONFIGURED", "ssl"],
  ])("%s is told, and nothing happened", async (_, options, code, told) => {
    const { hostname: host, port } = new URL(url);
    const connection = { host, port: Number(port), user, password, database: "postgres", ...options };
    const error = await failure(new PostgresChatStore({ ...connection, maxRetries: 0 }), (store) =>
      store.addMessage("k", message("x")),
    );
    expect(error).toMatchObject({ code, outcome: "not-applied" });
    expect(error.message).toContain(told);
  });

  it("fromUri takes the URIs of a Python service, fromParams its parameters", async () => {
    const schemaName = schema();
    for (const driver of ["", "+asyncpg", "+psycopg"]) {
      const store = PostgresChatStore.fromUri(url.replace("postgresql:", `postgresql${driver}:`), { schemaName });
      await store.addMessage("k", message(driver));
      await store.close();
    }
    const { hostname: host, port } = new URL(url);
    const store = PostgresChatStore.fromParams({
      host,
      port: Number(port),
      database: "postgres",
      user,
      password: async () => password,
      schemaName,
    });
    expect(await store.countMessages("k")).toBe(3);
    await store.close();
    const error = await failure(
      PostgresChatStore.fromUri(`${url.replace("postgresql:", "postgresql+asyncpg:")}?ssl=require`),
    );
    expect(error.code).toBe("MISCONFIGURED");
  });

  it("an ended pool is told", async () => {
    const pool = new Pool({ connectionString: url });
    await pool.end();
    expect((await failure(new PostgresChatStore({ pool }))).message).toContain("ended");
  });

  it("parsers that a program has set for all of its pools change nothing", async () => {
    const schemaName = schema();
    const types = { getTypeParser: () => () => "nonsense" };
    const pool = new Pool({ connectionString: url, types: types as never });
    const store = new PostgresChatStore({ pool, schemaName });
    await store.addMessage("k", message("a"));
    expect(await store.getMessages("k")).toEqual([message("a")]);
    await pool.end();
  });
});
