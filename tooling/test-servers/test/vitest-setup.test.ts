import { spawn } from "node:child_process";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findProgram } from "../src/index.js";
import { runningServer } from "../src/vitest-servers.js";

const shared = runningServer("redis");
const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
const tests = fileURLToPath(new URL("./fixtures/asking/asking.case.ts", import.meta.url));
const config = fileURLToPath(new URL("./fixtures/asking/vitest.config.mjs", import.meta.url));

interface Outcome {
  readonly code: number | null;
  readonly output: string;
  /** What the two projects printed. */
  readonly got: readonly string[];
}

/** A whole vitest run with the environment, without this run's own variables. */
function vitestRun(env: Readonly<Record<string, string>>): Promise<Outcome> {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(VITEST|CI$|NODE_ENV$|REDIS_URL$)/.test(name));
  const child = spawn(process.execPath, [vitest, "run", tests, "--config", config, "--root", dirname(config)], {
    env: { ...Object.fromEntries(inherited), NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  return new Promise((resolve) => {
    child.once("close", (code) => {
      resolve({ code, output, got: [...output.matchAll(/^GOT (.*)$/gm)].map((match) => match[1] ?? "") });
    });
  });
}

describe("a run that asks for Redis", () => {
  let bare: string;
  let missing: Readonly<Record<string, string>>;

  beforeAll(async () => {
    // A machine with neither redis-server nor a way to fetch it.
    bare = await mkdtemp(join(tmpdir(), "chatkeep-bare-"));
    await symlink((await findProgram("sh")) ?? "", join(bare, "sh"));
    missing = { PATH: bare, CHATKEEP_CACHE: join(bare, "cache") };
  });

  afterAll(() => rm(bare, { recursive: true }));

  it("says what is not tested, at the start and at the end, and passes", async () => {
    const { code, output, got } = await vitestRun(missing);
    expect(got).toEqual(["nothing", "nothing"]);
    const said = [...output.matchAll(/NOT TESTED: redis: no redis-server on PATH.* To get it: .*REDIS_URL/g)];
    expect(said).toHaveLength(2);
    expect(output.indexOf("NOT TESTED")).toBeLessThan(output.indexOf("GOT"));
    expect(output.lastIndexOf("NOT TESTED")).toBeGreaterThan(output.lastIndexOf("GOT"));
    expect(code).toBe(0);
  });

  it("fails where CI is set", async () => {
    const { code, output, got } = await vitestRun({ ...missing, CI: "true" });
    expect(got).toHaveLength(2);
    expect(output).toContain("this fails the run");
    expect(code).toBe(1);
  });

  it.runIf(shared)("uses the one that REDIS_URL names, and says what can't be tested with it", async () => {
    const { code, output, got } = await vitestRun({ ...missing, REDIS_URL: shared!.url });
    expect(got).toEqual(Array(2).fill(`${shared!.port} managed=false own=false`));
    expect(output).toContain("NOT TESTED: redis, killed and restarted");
    expect(code).toBe(0);
  });

  it("fails if nothing answers there, and doesn't print the password", async () => {
    const { code, output } = await vitestRun({ ...missing, REDIS_URL: "redis://:hidden@127.0.0.1:1" });
    expect(code).not.toBe(0);
    expect(output).toContain("REDIS_URL is set, but nothing answers at 127.0.0.1:1");
    expect(output).not.toContain("hidden");
  });

  it.runIf(shared?.own)("starts one for all its projects", async () => {
    const { code, output, got } = await vitestRun({});
    expect(got).toHaveLength(2);
    expect(got[0]).toBe(got[1]);
    expect(got[0]).toContain("managed=true own=true");
    expect(output).not.toContain("NOT TESTED");
    expect(code).toBe(0);
  });
});
