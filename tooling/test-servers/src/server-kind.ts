import type { OwnServer, ServerInfo } from "./server.js";

/** What is known of a server before it is started. */
export interface Finding {
  /** The address of a running one, from the environment variable. It can't be killed or restarted. */
  readonly given?: string;
  /** Whether one of our own can be started, and from what. */
  readonly own:
    | { readonly possible: true; readonly from: string }
    | { readonly possible: false; readonly why: string; readonly how: string };
}

/** Every server that tests can ask for brings one of these (`servers/<name>.ts`). */
export interface ServerKind {
  readonly name: string;
  /** The environment variable with the address of a running one. */
  readonly variable: string;
  /** Looks, and neither fetches nor starts. */
  find(): Promise<Finding>;
  /** The running server at the address; rejects if it doesn't answer. */
  use(url: string): Promise<ServerInfo>;
  /** Fetches it if it isn't there, and starts one with default settings. */
  start(): Promise<OwnServer>;
}

/** There is no such server here and it can't be had: not a failure of a test, but said aloud. */
export class ServerMissing extends Error {
  constructor(
    name: string,
    readonly why: string,
    readonly how: string,
  ) {
    super(`${name}: ${why}. To get it: ${how}`);
  }
}
