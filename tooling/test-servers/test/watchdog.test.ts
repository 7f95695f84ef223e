import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { spawnClient } from "../src/index.js";
import { runningServer } from "../src/vitest-servers.js";

/** A killed process that nobody has reaped yet still has a number, but is dead. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition() && tries < 300; tries++) await sleep(100);
  expect(condition()).toBe(true);
}

describe.runIf(runningServer("redis")?.own)("a test process that ends without stopping its servers", () => {
  it.each(["kill", "exit", "throw"])("leaves none behind (%s)", async (way) => {
    const tester = await spawnClient(new URL("./fixtures/starts-redis.ts", import.meta.url), [way]);
    const { server, directory, grandchild } = (await tester.receive()) as Record<string, string | number>;
    expect(existsSync(String(directory))).toBe(true);
    if (way === "kill") {
      expect(isAlive(Number(server))).toBe(true);
      expect(isAlive(Number(grandchild))).toBe(true);
      await tester.kill();
    } else {
      tester.send("end");
      await tester.exited;
    }
    await until(() => !isAlive(Number(server)) && !isAlive(Number(grandchild)));
    await until(() => !existsSync(String(directory)));
  });
});
