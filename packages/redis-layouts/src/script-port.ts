import type { ReadContext } from "@chatkeep/chat-store-core/backend";

/** A Lua script. The same object for the same text, so that a port can remember what it knows of it. */
export interface Script {
  /** For people: what it does. */
  readonly name: string;
  /** Without a `#!lua` line: Redis before 7 knows none. */
  readonly source: string;
}

export interface PortLimits {
  /**
   * The most UTF-8 bytes of payloads in one request. What is longer is staged in a list beside the conversation first; a
   * single payload is always sent in one request, so it is the largest payload too.
   */
  readonly requestBytes: number;
  /** The most UTF-8 bytes of payloads in one reply; what is longer is read in several requests. */
  readonly replyBytes: number;
}

/** A command's name and its arguments. */
export type Command = readonly [name: string, ...args: (string | number)[]];

/** One Redis, over whatever protocol. */
export interface ScriptPort {
  readonly limits: PortLimits;
  /** Whether a script may have keys of several hash slots: in a Redis Cluster it may not. */
  readonly acrossSlots: boolean;
  /**
   * Runs a script where the first key is, on the primary: one request. Replies are strings, integers and lists of them. The
   * strings are never JSON, so that a client which parses JSON on its own can't change them.
   */
  run(script: Script, keys: readonly string[], args: readonly string[], context: ReadContext): Promise<unknown>;
  /**
   * Sends commands in one round trip, which are done one after another; what comes between is another client's. They take
   * half the time of a script, in which every byte of a string costs. Absent where one may be answered by a replica, or
   * they may change their order.
   */
  readonly together?: ((commands: readonly Command[]) => Promise<readonly unknown[]>) | undefined;
  /** Every name of a list that matches the glob, perhaps more than once; from all primaries. */
  scanLists(pattern: string, context: ReadContext): Promise<string[]>;
  /** Closes what it opened itself. */
  close(): Promise<void>;
}
