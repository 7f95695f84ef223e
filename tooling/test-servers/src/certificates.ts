import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LOOPBACK } from "./ports.js";
import { findProgram, run } from "./run.js";

/** A certificate for loopback and the authority that signed it, as PEM. */
export interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export async function hasOpenssl(): Promise<boolean> {
  return (await findProgram("openssl")) !== undefined;
}

/** Makes a certificate authority of two days and a server's certificate for 127.0.0.1 and localhost, by `openssl`. */
export async function makeCertificates(): Promise<Certificates> {
  const cwd = await mkdtemp(join(tmpdir(), "chatkeep-tls-"));
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  try {
    const ca = ["-subj", "/CN=chatkeep test authority", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2"];
    await run("openssl", ["req", "-x509", ...newKey, ...ca], { cwd });
    await run("openssl", ["req", ...newKey, "-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "request"], {
      cwd,
    });
    await writeFile(join(cwd, "names"), `subjectAltName=IP:${LOOPBACK},DNS:localhost\n`);
    const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names", "-days", "2"];
    await run("openssl", ["x509", "-req", "-in", "request", "-out", "cert.pem", ...signed], { cwd });
    const read = (name: string) => readFile(join(cwd, name), "utf8");
    return { ca: await read("ca.pem"), cert: await read("cert.pem"), key: await read("key.pem") };
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}
