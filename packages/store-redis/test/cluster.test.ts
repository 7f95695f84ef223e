import {
  assertLinearizable,
  type Call,
  checkHistory,
  record,
  runWorkload,
  type Subject,
} from "@chatkeep/chat-store-conformance";
import { conformance } from "@chatkeep/chat-store-conformance/vitest";
import { isChatStoreError } from "@chatkeep/chat-store-core";
import { type RedisCluster, redisCall, startRedisCluster } from "@chatkeep/test-servers";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { Cluster } from "ioredis";
import { Cluster as Cluster5 } from "ioredis-5";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { RedisChatStore, type RedisChatStoreOptions, type RedisLayout } from "../src/index.js";

const server = runningServer("redis");
const message = (content: string) => ({ role: "user" as const, content });

const patient = { timeout: 30_000, interval: 100 };

let cluster: RedisCluster;
const cleanUp: (() => unknown)[] = [];
const nodes = () => cluster.nodes.map(({ host, port }) => ({ host, port }));

function open(options: RedisChatStoreOptions): RedisChatStore {
  const store = new RedisChatStore({ clusterNodes: nodes(), ...options } as RedisChatStoreOptions);
  cleanUp.push(() => store.close());
  return store;
}

describe.runIf(server?.own)("a Redis Cluster of six nodes", () => {
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(async () => {
    for (const step of cleanUp.reverse()) await step();
    await cluster?.stop();
  });

  describe("as a whole", () => {
    const groups = ["operations", "keys", "operation ids", "concurrency", "closing"];
    conformance(subjectOf("chatkeep"), { groups });
    conformance(subjectOf("llamaindex", { stableCursors: "a list of messages has positions and no places" }), {
      groups: ["operations", "keys", "operation ids"],
    });
  });

  it("is used by clients that are handed in, of both majors", async () => {
    const clients = [new Cluster(nodes()), new Cluster5(nodes(), { redisOptions: { keyPrefix: "app:" } })];
    for (const client of clients) {
      cleanUp.push(() => client.disconnect());
      const keyPrefix = "injected:";
      const store = new RedisChatStore({ client, keyPrefix });
      for (const key of ["a", "b", "{c}", "}d{"]) await store.addMessage(key, message(key));
      expect((await store.getKeys()).sort()).toEqual(["a", "b", "{c}", "}d{"].sort());
      expect(await store.getMessages("}d{")).toEqual([message("}d{")]);
      for (const key of await store.getKeys()) await store.deleteMessages(key);
      expect(await store.getKeys()).toEqual([]);
      await store.close();
      expect(await client.call("ping")).toBe("PONG");
    }
  });

  it("clients go on when a primary is killed under load, and what they were told can be true", async () => {
    const calls: Call[] = [];
    const stores = Array.from({ length: 3 }, () => open({ keyPrefix: "load:", minReplicas: 1 }));
    const clients = stores.map((store, i) => record(store, { client: `client ${i}`, calls }).store);
    const keys = ["one", "two", "three", "four"];
    const killing = (async () => {
      await vi.waitFor(() => expect(calls.length).toBeGreaterThan(60), { timeout: 60_000 });
      const slot = await slotOf("load:{kone}:messages");
      const primary = await cluster.primaryOf(slot);
      await primary.kill();
      await vi.waitFor(async () => expect(await cluster.primaryOf(slot)).not.toBe(primary), patient);
      // Until it is back, as a replica, nothing can be confirmed.
      await primary.restart();
    })();
    await runWorkload(clients, { seed: 11, keys, operations: 500, retries: 2 });
    await killing;
    const last = open({ keyPrefix: "load:" });
    for (const key of keys) await record(last, { client: "last", calls }).store.getMessages(key);
    const failed = calls.filter((call) => "error" in call && call.error !== undefined).length;
    assertLinearizable(checkHistory(calls));
    await cluster.settled(3);
    expect(failed).toBeLessThan(calls.length / 2);
  });

  it("minReplicas: what no replica has is not acknowledged, and nothing that was is lost in a failover", async () => {
    for (const minReplicas of [0, 1]) {
      const keyPrefix = `failover-${minReplicas}:`;
      const store = open({ keyPrefix, minReplicas, maxRetries: 1 });
      const reader = open({ keyPrefix });
      await store.addMessage("k", message("on both"));
      const slot = await slotOf(`${keyPrefix}{kk}:messages`);
      const primary = await cluster.primaryOf(slot);
      const replica = await replicaOf(primary.port);
      // The replica is cut off, and not given the time to come back.
      process.kill(replica.pid, "SIGSTOP");
      await redisCall(primary, "CLIENT", "KILL", "TYPE", "replica");
      let refused: unknown;
      let shown: unknown;
      try {
        refused = await store.addMessage("k", message("on one")).catch((error: unknown) => error);
        shown = await store.countMessages("k").catch((error: unknown) => error);
        await primary.kill();
      } finally {
        process.kill(replica.pid, "SIGCONT");
      }
      await vi.waitFor(async () => expect((await cluster.primaryOf(slot)).port).toBe(replica.port), patient);
      const left = (await reader.getMessages("k")).map(({ content }) => content);
      expect(left).toEqual(["on both"]);
      if (minReplicas === 0) {
        // Acknowledged, shown, and lost: that is Redis' asynchronous replication.
        expect(refused).toBeUndefined();
        expect(shown).toBe(2);
      } else {
        expect(isChatStoreError(refused, "UNAVAILABLE") && refused.outcome).toBe("unknown");
        expect(String(refused)).toContain("minReplicas");
        expect(isChatStoreError(shown, "UNAVAILABLE")).toBe(true);
      }
      await primary.restart();
      await cluster.settled(3);
    }
  });
});

async function replicaOf(port: number) {
  for (const node of cluster.nodes) {
    const info = String(await redisCall(node, "INFO", "replication").catch(() => ""));
    if (info.includes(`master_port:${port}\r\n`)) return node;
  }
  throw new Error("the primary has no replica");
}

/** Of what is in the braces, as the server says it. */
async function slotOf(name: string): Promise<number> {
  return Number(await redisCall(cluster.nodes[0]!, "CLUSTER", "KEYSLOT", name));
}

let places = 0;

function subjectOf(layout: RedisLayout, lacks: Subject["lacks"] = {}): Subject {
  return {
    name: `RedisChatStore on a Cluster, layout ${layout}`,
    async space() {
      const keyPrefix = `place-${++places}:`;
      return {
        connect: async (options = {}) =>
          new RedisChatStore({ clusterNodes: nodes(), keyPrefix, layout, ...options } as RedisChatStoreOptions),
        dispose: async () => {},
      };
    },
    lacks: {
      requestCount: "counted on a single server",
      injectedClient: "has a test of its own",
      ...lacks,
    },
  };
}
