import { type OwnServer, type ServerName, serverKinds } from "@chatkeep/test-servers";
import { Redis } from "ioredis";
import { Pool } from "pg";

/** Servers of the run's own, each started when it is first asked for, and the same for all who ask. */
export class Servers {
  readonly #running = new Map<ServerName, Promise<OwnServer>>();

  get(name: ServerName): Promise<OwnServer> {
    let server = this.#running.get(name);
    if (server === undefined) {
      server = serverKinds[name].start();
      this.#running.set(name, server);
    }
    return server;
  }

  /** Of those that are running and are the real thing. */
  async versions(): Promise<Record<string, string>> {
    const versions: Record<string, string> = {};
    const redis = await this.#running.get("redis");
    if (redis !== undefined) {
      const client = new Redis(redis.url);
      versions.Redis = /^redis_version:(\S+)/m.exec(await client.info("server"))?.[1] ?? "?";
      client.disconnect();
    }
    const postgres = await this.#running.get("postgres");
    if (postgres !== undefined) {
      const pool = new Pool({ connectionString: postgres.url });
      pool.on("error", () => {});
      const { rows } = await pool.query<{ server_version: string }>("SHOW server_version");
      versions.Postgres = rows[0]?.server_version ?? "?";
      await pool.end();
    }
    return versions;
  }

  async stop(): Promise<void> {
    for (const server of this.#running.values()) await (await server).stop();
    this.#running.clear();
  }
}
