import { chmod, chown, cp, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { type Certificates, makeCertificates } from "../certificates.js";
import { fetchOnce } from "../fetch-once.js";
import { LOOPBACK } from "../ports.js";
import { run } from "../run.js";
import { answers, type OwnServer, type ServerInfo, startServer } from "../server.js";
import { type Finding, type ServerKind, ServerMissing } from "../server-kind.js";

export type PostgresVersion = 15 | 18;

export interface PostgresOptions {
  /** 18 if not given. */
  readonly version?: PostgresVersion;
  /** TLS only. */
  readonly tls?: Certificates | true;
  /** Further lines of postgresql.conf, e.g. `statement_timeout = 500`. */
  readonly settings?: readonly string[];
}

export interface PostgresServer extends OwnServer {
  /** The authority to trust, with TLS. */
  readonly ca?: string;
  /** Where its data is. */
  readonly directory: string;
  /** Starts it again as a standby, which only reads. */
  demote(): Promise<void>;
  /** And as a primary. */
  promote(): Promise<void>;
}

/** The superuser of every server that we start, and its password, which must appear in no error. */
export const postgresUser = { user: "chatkeep", password: "password-of-the-tests" } as const;

const HOW = "install with the optional dependencies on Linux x64, or set POSTGRES_URL";
const require = createRequire(import.meta.url);

/** As root Postgres refuses to run; then as nobody. */
const asRoot = process.getuid?.() === 0;
const owner = asRoot ? { uid: 65_534, gid: 65_534 } : {};

function packageFolder(version: PostgresVersion): string | undefined {
  try {
    return dirname(dirname(require.resolve(`postgres-${version}`)));
  } catch {
    return undefined;
  }
}

/**
 * The folder with `bin`, `lib` and `share`: a copy of the npm package's, in a place that the user of the server can reach,
 * with the links that the package's install script would make. Rejects with `ServerMissing`.
 */
export async function postgresProgram(version: PostgresVersion = 18): Promise<string> {
  const folder = packageFolder(version);
  if (folder === undefined) throw new ServerMissing("postgres", `there are no binaries of Postgres ${version}`, HOW);
  const { version: exact } = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as { version: string };
  const copy = join(tmpdir(), `chatkeep-postgres-${exact}-${process.getuid?.() ?? ""}`);
  await fetchOnce(copy, async (draft) => {
    await cp(join(folder, "native"), draft, { recursive: true });
    const links = JSON.parse(await readFile(join(draft, "pg-symlinks.json"), "utf8")) as Link[];
    for (const { source, target } of links) {
      const link = join(draft, target.replace(/^native\//, ""));
      await rm(link, { force: true });
      await symlink(basename(source), link);
    }
    for (const name of ["initdb", "pg_ctl", "postgres"]) await chmod(join(draft, "bin", name), 0o755);
    await chmod(draft, 0o755);
  });
  return copy;
}

interface Link {
  readonly source: string;
  readonly target: string;
}

/** A Postgres of the test's own, on a free port of loopback. What it acknowledged survives SIGKILL. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const program = await postgresProgram(options.version);
  const certificates = options.tls === true ? await makeCertificates() : options.tls;
  const file = (name: string) => join(program, "bin", name);
  let data = "";
  const server = await startServer({
    name: "postgres",
    ...owner,
    async prepare({ ports: [port = 0], directory }) {
      data = join(directory, "data");
      const secret = join(directory, "password");
      await writeFile(secret, postgresUser.password, { mode: 0o600 });
      if (asRoot) await chown(secret, owner.uid ?? 0, owner.gid ?? 0);
      await mkdir(data, { mode: 0o700 });
      if (asRoot) await chown(data, owner.uid ?? 0, owner.gid ?? 0);
      const access = ["--auth=scram-sha-256", `--username=${postgresUser.user}`, `--pwfile=${secret}`];
      const locale = ["--encoding=UTF8", "--locale=C", "--no-sync"];
      await run(file("initdb"), ["--pgdata", data, ...access, ...locale], { cwd: directory, ...owner });
      await rm(secret);
      for (const [name, pem] of Object.entries(certificates ?? {})) {
        await writeFile(join(data, `${name}.pem`), pem, { mode: 0o600 });
        if (asRoot) await chown(join(data, `${name}.pem`), owner.uid ?? 0, owner.gid ?? 0);
      }
      await writeFile(join(data, "postgresql.auto.conf"), configuration(options, certificates !== undefined, port));
      const connection = certificates === undefined ? "host" : "hostssl";
      await writeFile(join(data, "pg_hba.conf"), `${connection} all all ${LOOPBACK}/32 scram-sha-256\n`);
    },
    command: () => ({ file: file("postgres"), args: ["-D", data] }),
    ready: (_, output) => /database system is ready to accept (?:read-only )?connections/.test(output),
    // Processes of a killed server live on for a moment.
    portTaken: (output) => /address already in use|pre-existing shared memory block|"postmaster.pid"/i.test(output),
    // Fast shutdown.
    stopSignal: "SIGINT",
    url: (port) => `postgresql://${postgresUser.user}:${postgresUser.password}@${LOOPBACK}:${port}/postgres`,
  });
  const standby = () => join(data, "standby.signal");
  // Not spread: `pid` changes.
  return Object.assign(server, {
    directory: data,
    ...(certificates === undefined ? {} : { ca: certificates.ca }),
    async demote() {
      await writeFile(standby(), "");
      await server.restart();
    },
    async promote() {
      await rm(standby());
      await server.restart();
    },
  });
}

function configuration({ settings = [] }: PostgresOptions, tls: boolean, port: number): string {
  const lines = [
    `listen_addresses = '${LOOPBACK}'`,
    `port = ${port}`,
    "unix_socket_directories = ''",
    "max_connections = 200",
    "shared_buffers = '128MB'",
    // The system's cache outlives the process; nothing here survives the machine.
    "fsync = off",
    ...(tls ? ["ssl = on", "ssl_cert_file = 'cert.pem'", "ssl_key_file = 'key.pem'"] : []),
    ...settings,
  ];
  return `${lines.join("\n")}\n`;
}

function kind(version: PostgresVersion, name: string, variable: string): ServerKind {
  return {
    name,
    variable,

    async find(): Promise<Finding> {
      const url = process.env[variable];
      const given = url === undefined || url === "" ? {} : { given: url };
      const folder = packageFolder(version);
      if (folder !== undefined) return { ...given, own: { possible: true, from: folder } };
      return {
        ...given,
        own: { possible: false, why: `no binaries of Postgres ${version} for this machine`, how: HOW },
      };
    },

    async use(url): Promise<ServerInfo> {
      let parsed: URL;
      try {
        parsed = new URL(url);
      } catch {
        // The parser's own message would print the address, password and all.
        throw new Error(`${variable} is not a URL`);
      }
      const host = parsed.hostname.replace(/^\[|\]$/g, "") || LOOPBACK;
      const port = Number(parsed.port || 5432);
      await answers(host, port).catch((error: Error) => {
        throw new Error(`${variable} is set, but nothing answers at ${host}:${port}: ${error.message}`);
      });
      return { name, host, port, url, managed: false };
    },

    start: () => startPostgres({ version }),
  };
}

export const postgres = kind(18, "postgres", "POSTGRES_URL");
export const postgres15 = kind(15, "postgres-15", "POSTGRES_15_URL");
