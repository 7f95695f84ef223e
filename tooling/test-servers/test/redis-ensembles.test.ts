import { describe, expect, it, vi } from "vitest";
import { startRedisCluster, startRedisSentinels } from "../src/index.js";
import { runningServer } from "../src/vitest-servers.js";

const server = runningServer("redis");

describe.runIf(server?.own)("ensembles of redis-servers", () => {
  it("a Cluster has three primaries and three replicas, and goes on without one", async () => {
    const cluster = await startRedisCluster();
    try {
      expect(cluster.nodes).toHaveLength(6);
      const before = await cluster.primaryOf(100);
      await before.kill();
      await vi.waitFor(async () => expect(await cluster.primaryOf(100)).not.toBe(before), {
        timeout: 30_000,
        interval: 100,
      });
      await before.restart();
      await cluster.settled(3);
    } finally {
      await cluster.stop();
    }
  });

  it("Sentinels make the replica the primary when that is killed", async () => {
    const ensemble = await startRedisSentinels();
    try {
      const [first, second] = ensemble.servers;
      expect(await ensemble.primary()).toBe(first);
      await first?.kill();
      await vi.waitFor(async () => expect(await ensemble.primary()).toBe(second), { timeout: 30_000, interval: 100 });
    } finally {
      await ensemble.stop();
    }
  });
});
