import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Certificates } from "../certificates.js";
import { LOOPBACK } from "../ports.js";
import { type OwnServer, type ServerInfo, startServer } from "../server.js";
import type { Finding, ServerKind } from "../server-kind.js";

/** The account that every Azurite has: "Use the Azurite emulator", well-known storage account and key. */
export const azuriteAccount = {
  name: "devstoreaccount1",
  key: "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
} as const;

export interface AzuriteOptions {
  /** TLS with this certificate. Only then tokens (OAuth) are taken; their claims are checked, their signature is not. */
  readonly tls?: Certificates;
}

/**
 * An Azurite of the test's own (3.35.0, Microsoft's own emulator), its table service only, in memory, on a free port of
 * loopback. It never throttles, checks neither the size of an entity nor the number of its properties, tears multi-byte
 * text of large single writes, and keeps nothing over a kill.
 */
export async function startAzurite({ tls }: AzuriteOptions = {}): Promise<OwnServer> {
  const manifest = createRequire(import.meta.url).resolve("azurite/package.json");
  const main = join(dirname(manifest), "dist/src/table/main.js");
  return startServer({
    name: "azurite",
    async prepare({ directory }) {
      if (tls === undefined) return;
      await writeFile(join(directory, "cert.pem"), tls.cert);
      await writeFile(join(directory, "key.pem"), tls.key);
    },
    command: ({ ports: [port = 0] }) => ({
      file: process.execPath,
      args: [
        main,
        ...["--tableHost", LOOPBACK, "--tablePort", String(port)],
        ...["--inMemoryPersistence", "--silent", "--skipApiVersionCheck", "--disableTelemetry"],
        ...(tls === undefined ? [] : ["--oauth", "basic", "--cert", "cert.pem", "--key", "key.pem"]),
      ],
    }),
    ready: (_, output) => output.includes("successfully started on"),
    url: (port) => `${tls === undefined ? "http" : "https"}://${LOOPBACK}:${port}/${azuriteAccount.name}`,
  });
}

export const azurite: ServerKind = {
  name: "azurite",
  variable: "AZURITE_URL",

  async find(): Promise<Finding> {
    const url = process.env.AZURITE_URL;
    const given = url === undefined || url === "" ? {} : { given: url };
    return { ...given, own: { possible: true, from: "npm" } };
  },

  async use(url): Promise<ServerInfo> {
    let parsed: URL;
    try {
      parsed = new URL(url);
    } catch {
      throw new Error("AZURITE_URL is not a URL");
    }
    // It answers 403 to what is not signed; that it answers is enough.
    await fetch(parsed, { signal: AbortSignal.timeout(10_000) }).catch(() => {
      throw new Error(`AZURITE_URL is set, but nothing answers at ${parsed.host}`);
    });
    const port = Number(parsed.port || (parsed.protocol === "https:" ? 443 : 80));
    return { name: "azurite", host: parsed.hostname, port, url: parsed.href.replace(/\/$/, ""), managed: false };
  },

  start: () => startAzurite(),
};
