import { inject } from "vitest";
import type { ServerInfo } from "./server.js";
import type { ServerName } from "./servers.js";

declare module "vitest" {
  interface ProvidedContext {
    /** Asked for, in a project's vitest.config.ts. */
    testServers: ServerName[];
    /** What the global set-up started or found. */
    runningServers: Partial<Record<ServerName, RunningServer>>;
  }
}

export interface RunningServer extends ServerInfo {
  /** Whether a test can also start one of its own, to kill and restart it. */
  readonly own: boolean;
}

/**
 * The server that the project's configuration asked for, shared by all test files of the run: keep to keys of your own.
 * Undefined where it can't be had, which the run reports; guard tests with `describe.runIf(...)`.
 */
export function runningServer(name: ServerName): RunningServer | undefined {
  return inject("runningServers")[name];
}
