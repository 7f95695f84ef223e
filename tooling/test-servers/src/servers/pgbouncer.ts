import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hasApt, libraryPath, unpackDebian } from "../debian.js";
import { CACHE, exists, fetchOnce } from "../fetch-once.js";
import { LOOPBACK } from "../ports.js";
import { findProgram, run } from "../run.js";
import { answers, type OwnServer, type ServerInfo, startServer } from "../server.js";
import { type Finding, type ServerKind, ServerMissing } from "../server-kind.js";
import { postgresUser, startPostgres } from "./postgres.js";

export interface PgBouncerOptions {
  /** The Postgres behind it. */
  readonly server: ServerInfo;
  /** Connections to it: 4 if not given. */
  readonly poolSize?: number;
  /** Further lines of the section [pgbouncer]. */
  readonly settings?: readonly string[];
}

interface Program {
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
}

const FETCHED = join(CACHE, "pgbouncer");
const HOW = "install pgbouncer (apt-get install pgbouncer), or set PGBOUNCER_URL";

async function installed(): Promise<Program | undefined> {
  const file = await findProgram("pgbouncer");
  return file === undefined ? undefined : { file, env: {} };
}

async function unpacked(directory: string): Promise<Program> {
  return { file: join(directory, "usr/sbin/pgbouncer"), env: { LD_LIBRARY_PATH: await libraryPath(directory) } };
}

/** pgbouncer from PATH, or fetched from Debian's packages into `.cache/pgbouncer`. Rejects with `ServerMissing`. */
async function pgbouncerProgram(): Promise<Program> {
  const found = await installed();
  if (found !== undefined) return found;
  const { own } = await pgbouncer.find();
  if (!own.possible) throw new ServerMissing(pgbouncer.name, own.why, own.how);
  try {
    await fetchOnce(FETCHED, async (draft) => {
      await unpackDebian(["pgbouncer"], draft);
      const { file, env } = await unpacked(draft);
      await run(file, ["--version"], { env });
    });
  } catch (error) {
    throw new ServerMissing(pgbouncer.name, error instanceof Error ? error.message : String(error), HOW);
  }
  return unpacked(FETCHED);
}

/** A PgBouncer of the test's own, which pools by transaction. */
export async function startPgBouncer({ server, poolSize = 4, settings = [] }: PgBouncerOptions): Promise<OwnServer> {
  const program = await pgbouncerProgram();
  const { username, password, pathname } = new URL(server.url);
  const asRoot = process.getuid?.() === 0;
  return startServer({
    name: "pgbouncer",
    async prepare({ ports: [port = 0], directory }) {
      const target = `host=${server.host} port=${server.port} dbname=${pathname.slice(1)}`;
      const lines = [
        "[databases]",
        `* = ${target} user=${decodeURIComponent(username)} password=${decodeURIComponent(password)}`,
        "[pgbouncer]",
        `listen_addr = ${LOOPBACK}`,
        `listen_port = ${port}`,
        "unix_socket_dir =",
        "auth_type = any",
        "pool_mode = transaction",
        `default_pool_size = ${poolSize}`,
        "max_client_conn = 500",
        ...settings,
      ];
      await writeFile(join(directory, "pgbouncer.ini"), `${lines.join("\n")}\n`, { mode: 0o644 });
    },
    ...(asRoot ? { uid: 65_534, gid: 65_534 } : {}),
    command: ({ directory }) => ({ ...program, args: [join(directory, "pgbouncer.ini")] }),
    ready: (_, output) => output.includes("process up"),
    stopSignal: "SIGINT",
    url: (port) => `postgresql://${postgresUser.user}@${LOOPBACK}:${port}/postgres`,
  });
}

export const pgbouncer: ServerKind = {
  name: "pgbouncer",
  variable: "PGBOUNCER_URL",

  async find(): Promise<Finding> {
    const url = process.env.PGBOUNCER_URL;
    const given = url === undefined || url === "" ? {} : { given: url };
    const found = await installed();
    if (found !== undefined) return { ...given, own: { possible: true, from: found.file } };
    if (await exists(FETCHED)) return { ...given, own: { possible: true, from: FETCHED } };
    if (await hasApt()) return { ...given, own: { possible: true, from: "Debian's packages" } };
    return { ...given, own: { possible: false, why: "no pgbouncer on PATH, and no apt-get to fetch it", how: HOW } };
  },

  async use(url): Promise<ServerInfo> {
    let parsed: URL;
    try {
      parsed = new URL(url);
    } catch {
      throw new Error("PGBOUNCER_URL is not a URL");
    }
    const { hostname: host, port } = parsed;
    await answers(host, Number(port));
    return { name: "pgbouncer", host, port: Number(port), url, managed: false };
  },

  /** With a Postgres of its own behind it. */
  async start(): Promise<OwnServer> {
    const server = await startPostgres();
    try {
      const front = await startPgBouncer({ server });
      const { stop } = front;
      return Object.assign(front, {
        async stop() {
          await stop();
          await server.stop();
        },
      });
    } catch (error) {
      await server.stop();
      throw error;
    }
  },
};
