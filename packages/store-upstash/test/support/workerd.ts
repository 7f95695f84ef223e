import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LOOPBACK, type OwnServer, startServer } from "@chatkeep/test-servers";
import { type BuildResult, build } from "esbuild";
import type { Database } from "./database.js";

/** The runtime of Cloudflare's Workers. */
const { default: workerd } = createRequire(import.meta.url)("workerd") as { default: string };

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The worker in one file. What only Node has is an error. */
export function bundle(): Promise<BuildResult<{ write: false; metafile: true }>> {
  return build({
    entryPoints: [here("worker.js")],
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    target: "es2022",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker"],
    external: ["js-tiktoken/*"],
    alias: {
      "@chatkeep/chat-store-core": here("../../../core/src/index.ts"),
      "@chatkeep/chat-store-core/backend": here("../../../core/src/backend.ts"),
    },
  });
}

/** Runs a worker on a free port, with the database's variables, as it is deployed at a compatibility date. */
export function startWorkerd(script: string, database: Database, compatibilityDate: string): Promise<OwnServer> {
  const text = JSON.stringify;
  return startServer({
    name: "workerd",
    async prepare({ ports: [port = 0], directory }) {
      await writeFile(join(directory, "worker.js"), script);
      await writeFile(
        join(directory, "config.capnp"),
        `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [(name = "worker.js", esModule = embed "worker.js")],
      compatibilityDate = ${text(compatibilityDate)},
      bindings = [
        (name = "UPSTASH_REDIS_REST_URL", text = ${text(database.url)}),
        (name = "UPSTASH_REDIS_REST_TOKEN", text = ${text(database.token)}),
      ],
      globalOutbound = "loopback",
    )),
    (name = "loopback", network = (allow = ["local"])),
  ],
  sockets = [(name = "http", address = "${LOOPBACK}:${port}", http = (), service = "main")],
);
`,
      );
    },
    command: ({ directory }) => ({ file: workerd, args: ["serve", join(directory, "config.capnp")] }),
    async ready({ ports: [port] }) {
      return (await (await fetch(`http://${LOOPBACK}:${port}`)).text()) === "ready";
    },
    url: (port) => `http://${LOOPBACK}:${port}`,
  });
}
