import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DEFAULT_CREDENTIALS, type TablestoreServerOptions } from "@chatkeep/tablestore-server";
import { LOOPBACK } from "../ports.js";
import { type OwnServer, type ServerInfo, startServer } from "../server.js";
import type { Finding, ServerKind } from "../server-kind.js";

export interface TablestoreOptions extends Pick<TablestoreServerOptions, "limits" | "accept" | "tableReadyMs"> {
  /** On disk, so that an acknowledged write survives SIGKILL. In memory by default. */
  readonly durable?: boolean;
}

export interface TablestoreProcess extends OwnServer {
  readonly access: NonNullable<ServerInfo["access"]>;
}

const VARIABLE = "TABLESTORE_ENDPOINT";
const ACCESS_VARIABLES = ["TABLESTORE_INSTANCE", "TABLESTORE_ACCESS_KEY_ID", "TABLESTORE_ACCESS_KEY_SECRET"] as const;

/** What many test files that share a server would run into, and the service's users would not. */
const ROOMY = { tables: 10_000, tableOperationsPerSecond: 1_000_000 };

/**
 * A Tablestore of the test's own: the server in tooling/tablestore-server, as a process that can be killed and restarted. Its
 * limits are the documented ones, but for the number of tables and of operations on tables. For an injected clock or errors of
 * its own, start `tablestoreServer` of that package in the test.
 */
export async function startTablestore(options: TablestoreOptions = {}): Promise<TablestoreProcess> {
  const { durable = false, limits, ...others } = options;
  const main = createRequire(import.meta.url).resolve("@chatkeep/tablestore-server/main");
  const preload = fileURLToPath(new URL("../client-preload.mjs", import.meta.url));
  const server = await startServer({
    name: "tablestore",
    command: ({ ports: [port = 0], directory }) => {
      const settings: TablestoreServerOptions = {
        ...others,
        port,
        limits: { ...ROOMY, ...limits },
        ...(durable ? { directory: join(directory, "data") } : {}),
      };
      return { file: process.execPath, args: ["--import", preload, main, JSON.stringify(settings)] };
    },
    ready: (_, output) => output.includes("tablestore-server is ready"),
    url: (port) => `http://${LOOPBACK}:${port}`,
  });
  return Object.assign(server, { access: DEFAULT_CREDENTIALS });
}

export const tablestore: ServerKind = {
  name: "tablestore",
  variable: VARIABLE,

  async find(): Promise<Finding> {
    const url = process.env[VARIABLE];
    const given = url === undefined || url === "" ? {} : { given: url };
    return { ...given, own: { possible: true, from: "tooling/tablestore-server" } };
  },

  async use(url): Promise<ServerInfo> {
    const missing = ACCESS_VARIABLES.find((name) => (process.env[name] ?? "") === "");
    if (missing !== undefined) throw new Error(`${VARIABLE} is set, ${missing} is not`);
    const [instanceName = "", accessKeyId = "", accessKeySecret = ""] = ACCESS_VARIABLES.map(
      (name) => process.env[name],
    );
    let parsed: URL;
    try {
      parsed = new URL(url);
    } catch {
      throw new Error(`${VARIABLE} is not a URL`);
    }
    // It answers with an error to what is not signed; that it answers is enough.
    await fetch(parsed, { signal: AbortSignal.timeout(10_000) }).catch(() => {
      throw new Error(`${VARIABLE} is set, but nothing answers at ${parsed.host}`);
    });
    const port = Number(parsed.port || (parsed.protocol === "https:" ? 443 : 80));
    const access = { instanceName, accessKeyId, accessKeySecret };
    return { name: "tablestore", host: parsed.hostname, port, url: parsed.origin, managed: false, access };
  },

  start: () => startTablestore(),
};
