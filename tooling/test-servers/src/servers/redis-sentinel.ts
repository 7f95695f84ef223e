import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LOOPBACK } from "../ports.js";
import { type OwnServer, startServer } from "../server.js";
import { type RedisServer, redisProgram, startRedis } from "./redis.js";
import { redisCall } from "./redis-call.js";

export interface RedisSentinelOptions {
  /** The name of the service: `mymaster` by default. */
  readonly name?: string;
  /** After how long a silent primary counts as down, in milliseconds: 1,000 by default. */
  readonly downAfterMs?: number;
}

export interface RedisSentinels {
  readonly name: string;
  /** A primary and its replica, at the beginning in this order. */
  readonly servers: readonly RedisServer[];
  /** Three, of which two agree. */
  readonly sentinels: readonly OwnServer[];
  /** The primary that the Sentinels name now. */
  primary(): Promise<RedisServer>;
  stop(): Promise<void>;
}

/** A primary, a replica and three Sentinels on free ports of loopback. Ready when the Sentinels know all of it. */
export async function startRedisSentinels(options: RedisSentinelOptions = {}): Promise<RedisSentinels> {
  const { name = "mymaster", downAfterMs = 1_000 } = options;
  const started: OwnServer[] = [];
  const stop = async () => {
    await Promise.all(started.map((server) => server.stop()));
  };
  try {
    const primary = await startRedis();
    started.push(primary);
    const replica = await startRedis({ replicaOf: primary });
    started.push(replica);
    const sentinels: OwnServer[] = [];
    for (let i = 0; i < 3; i++) {
      const sentinel = await startSentinel(name, primary.port, downAfterMs);
      started.push(sentinel);
      sentinels.push(sentinel);
    }
    const servers = [primary, replica];
    await until(async () => {
      const known = await Promise.all(sentinels.map((each) => redisCall(each, "SENTINEL", "MASTER", name)));
      return known.every((answer) => {
        const fields = answer as string[];
        const value = (field: string) => fields[fields.indexOf(field) + 1];
        return value("num-slaves") === "1" && value("num-other-sentinels") === "2";
      });
    });
    return {
      name,
      servers,
      sentinels,
      stop,
      async primary() {
        const [sentinel] = sentinels;
        const [, port] = (await redisCall(
          sentinel as OwnServer,
          "SENTINEL",
          "GET-MASTER-ADDR-BY-NAME",
          name,
        )) as string[];
        const found = servers.find((server) => server.port === Number(port));
        if (found === undefined) throw new Error("the Sentinels name a primary that is not ours");
        return found;
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startSentinel(name: string, primary: number, downAfterMs: number): Promise<OwnServer> {
  const program = await redisProgram();
  return startServer({
    name: "redis-sentinel",
    async prepare({ ports: [port = 0], directory }) {
      const lines = [
        `bind ${LOOPBACK}`,
        `port ${port}`,
        `dir ${JSON.stringify(directory)}`,
        "daemonize no",
        'logfile ""',
        `sentinel monitor ${name} ${LOOPBACK} ${primary} 2`,
        `sentinel down-after-milliseconds ${name} ${downAfterMs}`,
        `sentinel failover-timeout ${name} 3000`,
      ];
      // Sentinels write what they learn into it.
      await writeFile(join(directory, "sentinel.conf"), `${lines.join("\n")}\n`);
      await chmod(join(directory, "sentinel.conf"), 0o600);
    },
    command: ({ directory }) => ({ ...program, args: [join(directory, "sentinel.conf"), "--sentinel"] }),
    ready: (_, output) => output.includes("Sentinel ID is"),
    url: (port) => `redis+sentinel://${LOOPBACK}:${port}/${name}`,
  });
}

async function until(done: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await done())) {
    if (Date.now() > deadline) throw new Error("the Sentinels did not find each other within 60 s");
    await sleep(100);
  }
}
