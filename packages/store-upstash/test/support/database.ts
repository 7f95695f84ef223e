import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { Redis } from "@upstash/redis";

export interface Database {
  readonly url: string;
  readonly token: string;
}

/** The database of the run. */
export function runningDatabase(): (Database & { readonly own: boolean }) | undefined {
  const server = runningServer("upstash");
  return server && { url: server.url, token: server.token ?? "", own: server.own };
}

/** A client as most programs make it, with all that the SDK has on by default: retries, auto-pipelining, deserialization. */
export function newClient({ url, token }: Database): Redis {
  return new Redis({ url, token });
}
