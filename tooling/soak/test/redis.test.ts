import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkAppendOnly, type History } from "@chatkeep/chat-store-conformance";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { describe, expect, it } from "vitest";
import { describeReport, isClean } from "../src/report.js";
import { soak } from "../src/soak.js";
import { runCommand } from "./run-command.js";

const naive = new URL("./fixtures/naive-redis.ts", import.meta.url);
const scripted = new URL("./fixtures/scripted-redis.ts", import.meta.url);

describe.runIf(runningServer("redis")?.own)("over a real Redis", () => {
  it("a store that reads a list and writes it anew loses messages, faults or none", async () => {
    const workload = { weights: { append: 6, insert: 1 }, maxBatch: 1, maxIndex: 0 };
    const { anomalies, faults, reports } = await soak({ store: naive, rounds: 4, seed: 9, calm: true, workload });
    expect(faults).toEqual({});
    expect(Object.keys(anomalies)).toContain("lost");
    expect(reports.join("\n")).toMatch(/lost.* was acknowledged and is not there/);
  });

  it("a store that leaves retries to its driver doubles messages when replies are lost", async () => {
    const keep = await mkdtemp(join(tmpdir(), "chatkeep-soak-kept-"));
    try {
      const file = fileURLToPath(naive);
      const options = ["--store", file, "--rounds", "1", "--seed", "9", "--clients", "1", "--keep", keep];
      const { code, output } = await runCommand(...options);
      expect(output).toMatch(/^doubled.* is there more than once/m);
      expect(output).toMatch(/^faults .*reset-after [1-9]/m);
      expect(output).toMatch(/^note +not tried: kill -9 of the server: it keeps everything in memory$/m);
      expect(output).toMatch(/^anomalies .*doubled [1-9]/m);
      expect(code).toBe(1);
      const [kept = ""] = await readdir(keep);
      const history = JSON.parse(await readFile(join(keep, kept), "utf8")) as History;
      expect(checkAppendOnly(history).violations[0]?.anomaly).toBe("doubled");
    } finally {
      await rm(keep, { recursive: true });
    }
  });

  it("RedisChatStore is not convicted, whoever is killed", async () => {
    const report = await soak({ store: "redis", rounds: 4, seed: 184, clients: 2 });
    expect(isClean(report), describeReport(report)).toBe(true);
    expect(report.operations).toBeGreaterThan(400);
    for (const fault of ["client killed", "server killed", "reset-before", "reset-after", "truncate-reply"])
      expect(report.faults[fault], fault).toBeGreaterThan(0);
  }, 240_000);

  it("a store that does each call by one script, once, is not convicted, whoever is killed", async () => {
    const report = await soak({ store: scripted, rounds: 4, seed: 184, clients: 2 });
    expect(isClean(report), describeReport(report)).toBe(true);
    expect(report.operations).toBeGreaterThan(500);
    expect(report.faults).toMatchObject({ "client killed": 3, "server killed": 2 });
    for (const fault of ["reset-before", "reset-after", "truncate-reply"])
      expect(report.faults[fault], fault).toBeGreaterThan(0);
  });
});
