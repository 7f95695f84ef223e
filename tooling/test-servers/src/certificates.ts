import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasApt, libraryPath, unpackDebian } from "./debian.js";
import { CACHE, fetchOnce } from "./fetch-once.js";
import { LOOPBACK } from "./ports.js";
import { findProgram, run } from "./run.js";

/** A certificate for loopback and the authority that signed it, as PEM. */
export interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const FETCHED = join(CACHE, "openssl");

/** Runs openssl, from PATH or fetched from Debian's packages into `.cache/openssl`. */
async function openssl(args: readonly string[], cwd: string): Promise<void> {
  if ((await findProgram("openssl")) !== undefined) {
    await run("openssl", args, { cwd });
    return;
  }
  if (!(await hasApt())) throw new Error("openssl is missing, and certificates for tests are made with it: install it");
  await fetchOnce(FETCHED, (draft) => unpackDebian(["openssl"], draft));
  const env = { LD_LIBRARY_PATH: await libraryPath(FETCHED), OPENSSL_CONF: join(FETCHED, "etc/ssl/openssl.cnf") };
  await run(join(FETCHED, "usr/bin/openssl"), args, { cwd, env });
}

/** Makes a certificate authority of two days and a server's certificate for 127.0.0.1 and localhost, by `openssl`. */
export async function makeCertificates(): Promise<Certificates> {
  const cwd = await mkdtemp(join(tmpdir(), "chatkeep-tls-"));
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  try {
    const ca = ["-subj", "/CN=chatkeep test authority", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2"];
    await openssl(["req", "-x509", ...newKey, ...ca], cwd);
    await openssl(["req", ...newKey, "-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "request"], cwd);
    await writeFile(join(cwd, "names"), `subjectAltName=IP:${LOOPBACK},DNS:localhost\n`);
    const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names", "-days", "2"];
    await openssl(["x509", "-req", "-in", "request", "-out", "cert.pem", ...signed], cwd);
    const read = (name: string) => readFile(join(cwd, name), "utf8");
    return { ca: await read("ca.pem"), cert: await read("cert.pem"), key: await read("key.pem") };
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}
