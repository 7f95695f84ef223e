import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Certificates, makeCertificates } from "../certificates.js";
import { hasApt, libraryPath, unpackDebian } from "../debian.js";
import { CACHE, exists, fetchOnce } from "../fetch-once.js";
import { LOOPBACK } from "../ports.js";
import { findProgram, run } from "../run.js";
import { answers, type OwnServer, type ServerInfo, startServer } from "../server.js";
import { type Finding, type ServerKind, ServerMissing } from "../server-kind.js";

/** redis-server and the environment it needs to run. */
export interface RedisProgram {
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface RedisOptions {
  /** `requirepass`; use it instead of, or beside, `acl`. */
  readonly password?: string;
  /** Lines of an ACL file, e.g. `user app on >secret ~chat:* +@all`. Redis refuses them on the command line. */
  readonly acl?: readonly string[];
  /** TLS only, no plain port. */
  readonly tls?: Certificates | true;
  /** Append-only file, written through before each acknowledgement, so that an acknowledged write survives SIGKILL. */
  readonly durable?: boolean;
  /** E.g. `8mb`; with it writes are refused when it is reached (`noeviction`), if `settings` says nothing else. */
  readonly maxMemory?: string;
  /** Ready when in step with the primary. */
  readonly replicaOf?: { readonly host: string; readonly port: number; readonly password?: string };
  /** Further lines of redis.conf, e.g. `maxclients 10`. */
  readonly settings?: readonly string[];
}

export interface RedisServer extends OwnServer {
  /** The authority to trust, with TLS. */
  readonly ca?: string;
}

const FETCHED = join(CACHE, "redis");
const HOW = "install redis-server (apt-get install redis-server), or set REDIS_URL";

async function installed(): Promise<RedisProgram | undefined> {
  const onPath = await findProgram("redis-server");
  return onPath === undefined ? undefined : { file: onPath, env: {} };
}

async function unpacked(directory: string): Promise<RedisProgram> {
  // Not listed: /usr/bin/redis-server of the package is a link into redis-tools.
  return { file: join(directory, "usr/bin/redis-server"), env: { LD_LIBRARY_PATH: await libraryPath(directory) } };
}

/** redis-server from PATH, or fetched from Debian's packages into `.cache/redis`. Rejects with `ServerMissing`. */
export async function redisProgram(): Promise<RedisProgram> {
  const found = await installed();
  if (found !== undefined) return found;
  const { own } = await redis.find();
  if (!own.possible) throw new ServerMissing(redis.name, own.why, own.how);
  try {
    await fetchOnce(FETCHED, async (draft) => {
      await unpackDebian(["redis-server", "redis-tools"], draft);
      const { file, env } = await unpacked(draft);
      await run(file, ["--version"], { env });
    });
  } catch (error) {
    throw new ServerMissing(redis.name, error instanceof Error ? error.message : String(error), HOW);
  }
  return unpacked(FETCHED);
}

const quote = (text: string) => JSON.stringify(text);

/** redis.conf, in a file because a password on a command line is visible to every user of the machine. */
function configuration(options: RedisOptions, tls: boolean, port: number, directory: string): string {
  const file = (name: string) => quote(join(directory, name));
  const primary = options.replicaOf;
  const lines = [
    `bind ${LOOPBACK}`,
    `port ${tls ? 0 : port}`,
    `dir ${quote(directory)}`,
    "daemonize no",
    'logfile ""',
    'save ""',
    // Else a primary waits five seconds for more replicas.
    "repl-diskless-sync-delay 0",
    ...(options.durable === true ? ["appendonly yes", "appendfsync always"] : ["appendonly no"]),
    ...(options.password === undefined ? [] : [`requirepass ${quote(options.password)}`]),
    ...(options.acl === undefined ? [] : [`aclfile ${file("users.acl")}`]),
    ...(options.maxMemory === undefined ? [] : [`maxmemory ${options.maxMemory}`]),
    ...(primary === undefined ? [] : [`replicaof ${primary.host} ${primary.port}`]),
    ...(primary?.password === undefined ? [] : [`masterauth ${quote(primary.password)}`]),
    ...(tls ? [`tls-port ${port}`, `tls-cert-file ${file("cert.pem")}`, `tls-key-file ${file("key.pem")}`] : []),
    ...(tls ? [`tls-ca-cert-file ${file("ca.pem")}`, "tls-auth-clients no"] : []),
    ...(options.settings ?? []),
  ];
  return `${lines.join("\n")}\n`;
}

/** A redis-server of the test's own, on a free port of loopback, without persistence unless `durable`. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const program = await redisProgram();
  const certificates = options.tls === true ? await makeCertificates() : options.tls;
  const credentials = options.password === undefined ? "" : `:${encodeURIComponent(options.password)}@`;
  const server = await startServer({
    name: "redis",
    async prepare({ ports: [port = 0], directory }) {
      const write = async (name: string, text: string) => {
        await writeFile(join(directory, name), text);
        await chmod(join(directory, name), 0o600);
      };
      if (options.acl !== undefined) await write("users.acl", `${options.acl.join("\n")}\n`);
      for (const [name, pem] of Object.entries(certificates ?? {})) await write(`${name}.pem`, pem);
      await write("redis.conf", configuration(options, certificates !== undefined, port, directory));
    },
    command: ({ directory }) => ({ ...program, args: [join(directory, "redis.conf")] }),
    // Its own words, and not an answer on the port: that could be another server's which was quicker to take it.
    ready: (_, output) =>
      output.includes("Ready to accept connections") &&
      (options.replicaOf === undefined || /Finished with success|Successful partial resync/.test(output)),
    url: (port) => `${certificates === undefined ? "redis" : "rediss"}://${credentials}${LOOPBACK}:${port}`,
  });
  return certificates === undefined ? server : Object.assign(server, { ca: certificates.ca });
}

export const redis: ServerKind = {
  name: "redis",
  variable: "REDIS_URL",

  async find(): Promise<Finding> {
    const url = process.env.REDIS_URL;
    const given = url === undefined || url === "" ? {} : { given: url };
    const found = await installed();
    if (found !== undefined) return { ...given, own: { possible: true, from: found.file } };
    if (await exists(FETCHED)) return { ...given, own: { possible: true, from: FETCHED } };
    if (await hasApt()) return { ...given, own: { possible: true, from: "Debian's packages" } };
    return { ...given, own: { possible: false, why: "no redis-server on PATH, and no apt-get to fetch it", how: HOW } };
  },

  async use(url): Promise<ServerInfo> {
    let parsed: URL;
    try {
      parsed = new URL(url);
    } catch {
      // The parser's own message would print the address, password and all.
      throw new Error("REDIS_URL is not a URL");
    }
    const host = parsed.hostname.replace(/^\[|\]$/g, "") || LOOPBACK;
    const port = Number(parsed.port || 6379);
    await answers(host, port).catch((error: Error) => {
      throw new Error(`REDIS_URL is set, but nothing answers at ${host}:${port}: ${error.message}`);
    });
    return { name: "redis", host, port, url, managed: false };
  },

  start: () => startRedis(),
};
