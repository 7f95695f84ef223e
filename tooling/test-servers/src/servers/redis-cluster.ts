import { setTimeout as sleep } from "node:timers/promises";
import { freePorts, LOOPBACK } from "../ports.js";
import { type RedisServer, startRedis } from "./redis.js";
import { redisCall } from "./redis-call.js";

export interface RedisClusterOptions {
  /** Primaries, of which each has one replica: 3 by default. */
  readonly primaries?: number;
  /** After how long a node that is silent counts as failed, in milliseconds: 1,000 by default. */
  readonly nodeTimeoutMs?: number;
}

export interface RedisCluster {
  /** All nodes; at the beginning the primaries come first. */
  readonly nodes: readonly RedisServer[];
  /** The node that has a slot now, as the others see it. */
  primaryOf(slot: number): Promise<RedisServer>;
  /** Settles when every slot has a primary that each running node knows, and `replicas` follow. */
  settled(replicas?: number): Promise<void>;
  stop(): Promise<void>;
}

/** A Redis Cluster on free ports of loopback, without persistence. Ready when all nodes agree. */
export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  const { primaries = 3, nodeTimeoutMs = 1_000 } = options;
  const nodes: RedisServer[] = [];
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  try {
    const buses = await freePorts(2 * primaries);
    nodes.push(
      ...(await Promise.all(
        buses.map((bus) =>
          startRedis({
            settings: [
              "cluster-enabled yes",
              `cluster-port ${bus}`,
              `cluster-node-timeout ${nodeTimeoutMs}`,
              "cluster-replica-validity-factor 0",
            ],
          }),
        ),
      )),
    );
    const [first] = nodes;
    if (first === undefined) throw new Error("a Cluster needs a primary");
    const ids = await Promise.all(nodes.map(async (node) => String(await redisCall(node, "CLUSTER", "MYID"))));
    for (let i = 0; i < primaries; i++) {
      const from = Math.floor((16_384 / primaries) * i);
      const to = Math.floor((16_384 / primaries) * (i + 1)) - 1;
      const node = nodes[i] as RedisServer;
      await redisCall(node, "CLUSTER", "ADDSLOTSRANGE", `${from}`, `${to}`);
      await redisCall(node, "CLUSTER", "SET-CONFIG-EPOCH", `${i + 1}`);
    }
    for (const [i, node] of nodes.entries()) {
      if (i > 0) await redisCall(first, "CLUSTER", "MEET", LOOPBACK, `${node.port}`, `${buses[i]}`);
    }
    for (let i = primaries; i < nodes.length; i++) {
      const primary = ids[i - primaries] ?? "";
      await until(async () => String(await redisCall(nodes[i] as RedisServer, "CLUSTER", "NODES")).includes(primary));
      await redisCall(nodes[i] as RedisServer, "CLUSTER", "REPLICATE", primary);
    }
    const cluster = { nodes, primaryOf, settled, stop };
    await settled(primaries);
    return cluster;
  } catch (error) {
    await stop();
    throw error;
  }

  async function running(): Promise<RedisServer[]> {
    const alive = await Promise.all(
      nodes.map((node) =>
        redisCall(node, "PING").then(
          () => true,
          () => false,
        ),
      ),
    );
    return nodes.filter((_, i) => alive[i]);
  }

  async function primaryOf(slot: number): Promise<RedisServer> {
    for (const node of await running()) {
      const ranges = (await redisCall(node, "CLUSTER", "SLOTS")) as [number, number, [string, number]][];
      const port = ranges.find(([from, to]) => from <= slot && slot <= to)?.[2][1];
      const found = nodes.find((each) => each.port === port);
      if (found !== undefined) return found;
    }
    throw new Error(`no node has slot ${slot}`);
  }

  async function settled(replicas = 0): Promise<void> {
    await until(async () => {
      for (const node of await running()) {
        const info = String(await redisCall(node, "CLUSTER", "INFO"));
        if (!info.includes("cluster_state:ok") || !info.includes("cluster_slots_ok:16384")) return false;
      }
      let following = 0;
      for (const node of await running()) {
        const info = String(await redisCall(node, "INFO", "replication"));
        if (info.includes("role:slave") && info.includes("master_link_status:up")) following += 1;
      }
      return following >= replicas;
    });
  }
}

async function until(done: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await done())) {
    if (Date.now() > deadline) throw new Error("the Redis Cluster did not settle within 60 s");
    await sleep(50);
  }
}
