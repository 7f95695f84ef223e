import { isChatStoreError } from "@chatkeep/chat-store-core";
import { startPgBouncer, startPostgres } from "@chatkeep/test-servers";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PostgresChatStore } from "../src/index.js";
import { dropSchema, makeTables, newSchema, sql } from "./support/schemas.js";

const server = runningServer("postgres");
const bouncer = runningServer("pgbouncer");

const message = (content: string) => ({ role: "user" as const, content });
const failure = (call: Promise<unknown>) =>
  call.then(
    () => expect.fail("it did not fail"),
    (error: unknown) => (isChatStoreError(error) ? error : expect.fail(String(error))),
  );

describe.runIf(server)("a server that refuses or breaks off", () => {
  const { url } = server ?? { url: "" };
  let schemaName: string;
  const heads = () => `"${schemaName}".chatstore_conversations`;

  beforeAll(async () => {
    schemaName = await makeTables(url, "chatkeep");
  });
  afterAll(() => dropSchema(url, schemaName));

  /** Holds the lock on a conversation until the returned function is called. */
  async function hold(key: string): Promise<() => Promise<void>> {
    const pool = new Pool({ connectionString: url, max: 1 });
    const client = await pool.connect();
    await client.query("BEGIN");
    await client.query(`SELECT 1 FROM ${heads()} WHERE key = $1 FOR UPDATE`, [key]);
    return async () => {
      await client.query("ROLLBACK");
      client.release();
      await pool.end();
    };
  }

  it.each(["statement_timeout", "lock_timeout"])("%s: nothing happened, and it is tried again", async (setting) => {
    const pool = new Pool({ connectionString: url, options: `-c ${setting}=200` });
    const store = new PostgresChatStore({ pool, schemaName, maxRetries: 1 });
    const patient = new PostgresChatStore({ pool, schemaName, maxRetries: 20 });
    await store.addMessage(setting, message("a"));
    const release = await hold(setting);
    const error = await failure(store.addMessage(setting, message("b")));
    expect(error).toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied" });
    expect(error.message).toContain(setting);
    const waiting = patient.deleteLastMessage(setting);
    await expect.poll(() => pool.waitingCount + pool.totalCount).toBeGreaterThan(0);
    await release();
    expect(await waiting).toEqual(message("a"));
    await pool.end();
  });

  it("connections that an administrator ends again and again lose and double nothing", async () => {
    const pool = new Pool({ connectionString: url, application_name: "victim" });
    pool.on("error", () => {});
    pool.on("connect", (client) => client.on("error", () => {}));
    const stores = [0, 1, 2].map(() => new PostgresChatStore({ pool, schemaName, maxRetries: 100 }));
    let ended = 0;
    let writing = true;
    const killer = (async () => {
      while (writing) {
        const victims = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'";
        ended += (await sql(url, victims)).length;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    })();
    const sent = Array.from({ length: 45 }, (_, i) => `m${i}`);
    await Promise.all(
      stores.map(async (store, which) => {
        for (const content of sent.filter((_, i) => i % 3 === which)) await store.addMessage("ended", message(content));
      }),
    );
    writing = false;
    await killer;
    expect(ended).toBeGreaterThan(3);
    const read = (await stores[0]?.getMessages("ended"))?.map(({ content }) => content);
    expect([...(read ?? [])].sort()).toEqual([...sent].sort());
    await pool.end();
  });

  it("an aborted call gives its connection up, and its locks with it", async () => {
    const pool = new Pool({ connectionString: url, max: 1 });
    const store = new PostgresChatStore({ pool, schemaName });
    await store.addMessage("aborted", message("a"));
    const release = await hold("aborted");
    const controller = new AbortController();
    const writing = failure(store.addMessage("aborted", message("b"), { signal: controller.signal }));
    await expect
      .poll(async () => (await sql(url, "SELECT 1 FROM pg_locks WHERE NOT granted")).length)
      .toBeGreaterThan(0);
    controller.abort();
    expect((await writing).code).toBe("ABORTED");
    // The only connection is free for others at once.
    expect(await store.countMessages("another")).toBe(0);
    await release();
    await pool.end();
  });

  it("many callers share a pool of one connection", async () => {
    const pool = new Pool({ connectionString: url, max: 1 });
    const store = new PostgresChatStore({ pool, schemaName });
    await store.setMessages(
      "narrow",
      Array.from({ length: 40 }, (_, i) => message(`m${i}`)),
    );
    const popped = await Promise.all(Array.from({ length: 30 }, () => store.deleteLastMessage("narrow")));
    expect(new Set(popped.map((each) => each?.content)).size).toBe(30);
    await pool.end();
  });

  it("an idle connection that breaks does not end the process, and closing twice is fine", async () => {
    const store = PostgresChatStore.fromUri(url, { schemaName, application_name: "idle" });
    await store.addMessage("idle", message("a"));
    await sql(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'idle'");
    expect(await store.countMessages("idle")).toBe(1);
    await Promise.all([store.close(), store.close()]);
  });
});

describe.runIf(server?.own)("servers of its own", () => {
  it("TLS is required, and its authority must be trusted", async () => {
    const own = await startPostgres({ tls: true });
    const schemaName = newSchema();
    try {
      const plain = PostgresChatStore.fromUri(own.url, { schemaName });
      expect((await failure(plain.addMessage("k", message("a")))).code).toBe("MISCONFIGURED");
      const doubting = PostgresChatStore.fromUri(own.url, { schemaName, ssl: true });
      const error = await failure(doubting.addMessage("k", message("a")));
      expect(error.code).toBe("MISCONFIGURED");
      expect(error.message).toContain("trusted");
      const trusting = PostgresChatStore.fromUri(own.url, { schemaName, ssl: { ca: own.ca } });
      await trusting.addMessage("k", message("a"));
      expect(await trusting.countMessages("k")).toBe(1);
      for (const store of [plain, doubting, trusting]) await store.close();
    } finally {
      await own.stop();
    }
  });

  it("a standby is read from, and not written to", async () => {
    const own = await startPostgres();
    const schemaName = await makeTables(own.url, "chatkeep");
    const store = PostgresChatStore.fromUri(own.url, { schemaName, ttlSeconds: 3_600, maxRetries: 1 });
    try {
      await store.addMessage("k", message("a"));
      await own.demote();
      await expect.poll(() => store.getMessages("k").catch(() => []), { timeout: 20_000 }).toEqual([message("a")]);
      const error = await failure(store.addMessage("k", message("b")));
      expect(error).toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied" });
      expect(error.message).toContain("primary");
      await own.promote();
      await expect
        .poll(() => store.addMessage("k", message("c")).catch(() => "failed"), { timeout: 20_000 })
        .toBe(undefined);
      expect(await store.countMessages("k")).toBe(2);
    } finally {
      await store.close();
      await own.stop();
    }
  });

  it("too many connections: nothing happened", async () => {
    const own = await startPostgres({ settings: ["max_connections = 5", "superuser_reserved_connections = 0"] });
    const schemaName = await makeTables(own.url, "chatkeep");
    const pool = new Pool({ connectionString: own.url, max: 5 });
    pool.on("error", () => {});
    pool.on("connect", (client) => client.on("error", () => {}));
    const store = PostgresChatStore.fromUri(own.url, { schemaName, maxRetries: 0 });
    try {
      const clients = await Promise.all(Array.from({ length: 5 }, () => pool.connect()));
      const error = await failure(store.addMessage("k", message("a")));
      expect(error).toMatchObject({ code: "UNAVAILABLE", outcome: "not-applied" });
      expect(error.message).toContain("max_connections");
      for (const client of clients) client.release();
    } finally {
      await pool.end();
      await store.close();
      await own.stop();
    }
  });
});

describe.runIf(bouncer)("PgBouncer, by transaction", () => {
  it("clients beyond its pool wait for their turn, and leave nothing behind in its connections", async () => {
    const { url } = bouncer!;
    const schemaName = await makeTables(url, "chatkeep");
    const options = { schemaName, max: 5, preparedStatements: false };
    const stores = Array.from({ length: 8 }, () => PostgresChatStore.fromUri(url, options));
    await stores[0]?.setMessages("k", [message("first")]);
    const sent = Array.from({ length: 160 }, (_, i) => `m${i}`);
    await Promise.all(
      sent.map((content, i) =>
        i % 4 === 0
          ? stores[i % 8]?.addMessage("k", message(content), { index: 1 })
          : stores[i % 8]?.addMessage("k", message(content)),
      ),
    );
    expect(await stores[0]?.countMessages("k")).toBe(161);
    const [left] = await sql(
      url,
      "SELECT (SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE $1) AS statements, (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') AS locks",
      [`%"${schemaName}"%`],
    );
    expect(left).toEqual({ statements: "0", locks: "0" });
    for (const store of stores) await store.close();
    await dropSchema(url, schemaName);
  });

  it.runIf(server?.own)("is reached again after it was restarted, with nothing lost or doubled", async () => {
    const schemaName = await makeTables(server!.url, "chatkeep");
    const own = await startPgBouncer({ server: server! });
    const store = PostgresChatStore.fromUri(own.url, { schemaName, maxRetries: 50 });
    try {
      const written: string[] = [];
      let writing = true;
      const writer = (async () => {
        for (let i = 0; writing; i++) {
          await store.addMessage("k", message(`m${i}`));
          written.push(`m${i}`);
        }
      })();
      await expect.poll(() => written.length, { timeout: 20_000 }).toBeGreaterThan(5);
      await own.kill();
      await own.restart();
      const goal = written.length + 5;
      await expect.poll(() => written.length, { timeout: 20_000 }).toBeGreaterThan(goal);
      writing = false;
      await writer;
      expect((await store.getMessages("k")).map(({ content }) => content)).toEqual(written);
    } finally {
      await store.close();
      await own.stop();
      await dropSchema(server!.url, schemaName);
    }
  });
});
