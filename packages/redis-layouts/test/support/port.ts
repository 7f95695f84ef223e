import { Redis } from "ioredis";
import type { Script, ScriptPort } from "../../src/index.js";

export interface TestPortOptions {
  acrossSlots?: boolean;
  requestBytes?: number;
  replyBytes?: number;
}

export interface TestPort extends ScriptPort {
  readonly client: Redis;
  /** The names of the scripts that were sent. */
  readonly sent: string[];
}

/** The plainest port there can be: every script with its text. */
export function testPort(url: string, options: TestPortOptions = {}): TestPort {
  const { acrossSlots = true, requestBytes = 64 * 1024 * 1024, replyBytes = 16 * 1024 * 1024 } = options;
  const client = new Redis(url);
  const sent: string[] = [];
  return {
    client,
    sent,
    limits: { requestBytes, replyBytes },
    acrossSlots,
    run(script: Script, keys, args) {
      sent.push(script.name);
      return client.call("EVAL", [script.source, keys.length, ...keys, ...args]);
    },
    async scanLists(pattern) {
      sent.push("scan");
      const found: string[] = [];
      for await (const names of client.scanStream({ match: pattern, count: 1_000, type: "list" })) found.push(...names);
      return found;
    },
    async close() {
      client.disconnect();
    },
  };
}
