import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { LOOPBACK } from "../ports.js";
import { type OwnServer, startServer } from "../server.js";

const require = createRequire(import.meta.url);
const { default: workerd } = require("workerd") as { default: string };

/** Of the runtime of Cloudflare's Workers, as npm has it. */
export const { version: workerdVersion } = require("workerd/package.json") as { version: string };

export interface WorkerdOptions {
  /** Of the worker: it decides which of the runtime's changes of behaviour are on. */
  readonly compatibilityDate: string;
  /** Variables that the worker gets, with text. */
  readonly bindings?: Readonly<Record<string, string>>;
}

/** Runs a worker, a module in one file that answers a GET with "ready", on a free port. It reaches loopback alone. */
export function startWorkerd(script: string, { compatibilityDate, bindings = {} }: WorkerdOptions): Promise<OwnServer> {
  const quoted = JSON.stringify;
  const variables = Object.entries(bindings).map(([name, text]) => `(name = ${quoted(name)}, text = ${quoted(text)})`);
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
      compatibilityDate = ${quoted(compatibilityDate)},
      bindings = [${variables.join(", ")}],
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
