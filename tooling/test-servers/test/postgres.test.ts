import { existsSync } from "node:fs";
import { Client } from "pg";
import { afterEach, describe, expect, it } from "vitest";
import { type PostgresServer, postgresUser, startPgBouncer, startPostgres } from "../src/index.js";
import { runningServer } from "../src/vitest-servers.js";

const shared = runningServer("postgres");
const bouncer = runningServer("pgbouncer");
const clients: Client[] = [];
const servers: { stop(): Promise<void> }[] = [];

async function connectTo(url: string, ssl?: object): Promise<Client> {
  const client = new Client({ connectionString: url, ...(ssl === undefined ? {} : { ssl }) });
  client.on("error", () => {});
  await client.connect();
  clients.push(client);
  return client;
}

async function start(...options: Parameters<typeof startPostgres>): Promise<PostgresServer> {
  const server = await startPostgres(...options);
  servers.push(server);
  return server;
}

afterEach(async () => {
  for (const client of clients.splice(0)) await client.end();
  for (const server of servers.splice(0).reverse()) await server.stop();
});

describe.runIf(shared?.own)("a Postgres of one's own", () => {
  it("keeps acknowledged writes over kill -9, stops, and leaves no data", async () => {
    const server = await start();
    const client = await connectTo(server.url);
    await client.query("CREATE TABLE t (n int)");
    for (let n = 0; n < 50; n++) await client.query("INSERT INTO t VALUES ($1)", [n]);
    await server.kill();
    await server.restart();
    const { rows } = await (await connectTo(server.url)).query("SELECT count(*) FROM t");
    expect(rows).toEqual([{ count: "50" }]);
    await server.stop();
    expect(existsSync(server.directory)).toBe(false);
  });

  it("is a standby, and a primary again", async () => {
    const server = await start();
    await (await connectTo(server.url)).query("CREATE TABLE t (n int)");
    await server.demote();
    const reader = await connectTo(server.url);
    await expect(reader.query("INSERT INTO t VALUES (1)")).rejects.toMatchObject({ code: "25006" });
    expect((await reader.query("SELECT * FROM t")).rows).toEqual([]);
    await server.promote();
    await (await connectTo(server.url)).query("INSERT INTO t VALUES (1)");
  });

  it("is had in version 15, with TLS only, and asks for a password", async () => {
    const server = await start({ version: 15, tls: true });
    const client = await connectTo(server.url, { ca: server.ca });
    const { rows } = await client.query("SELECT current_setting('server_version') AS version");
    expect(rows[0].version).toMatch(/^15\./);
    await expect(connectTo(server.url)).rejects.toThrow();
    const wrong = server.url.replace(postgresUser.password, "wrong");
    await expect(connectTo(wrong, { ca: server.ca })).rejects.toMatchObject({ code: "28P01" });
  });
});

describe.runIf(bouncer)("PgBouncer", () => {
  it("gives out its connections by transaction", async () => {
    const server = shared?.own ? await startPgBouncer({ server: shared, poolSize: 1 }) : undefined;
    if (server !== undefined) servers.push(server);
    const url = server?.url ?? bouncer?.url ?? "";
    const [one, two] = [await connectTo(url), await connectTo(url)];
    const pid = async (client: Client) => (await client.query("SELECT pg_backend_pid() AS pid")).rows[0].pid;
    if (server !== undefined) expect(await pid(one)).toBe(await pid(two));
    await one.query("BEGIN");
    const waiting = pid(two);
    await one.query("COMMIT");
    expect(await waiting).toBeGreaterThan(0);
  });
});
