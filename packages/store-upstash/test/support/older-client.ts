import type { Redis } from "@upstash/redis";
import type { UpstashClientLike } from "../../src/index.js";

/** As an SDK before 1.34, which knows no `keepErrors` and throws. Not the SDK itself, which comes once: what its versions did. */
export function olderClient(client: Redis): UpstashClientLike {
  return {
    pipeline() {
      const pipeline = client.pipeline();
      return {
        eval: (...call) => pipeline.eval(...call),
        evalsha: (...call) => pipeline.evalsha(...call),
        exec: () => pipeline.exec(),
      };
    },
  };
}
