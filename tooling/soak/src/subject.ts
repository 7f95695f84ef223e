import type { RecordableStore } from "@chatkeep/chat-store-conformance";
import type { Hooks } from "@chatkeep/test-servers";

/**
 * A store to soak: `export const subject` of one file, which is loaded by the run and by each client process. What only
 * one of them needs is best imported where it is used.
 */
export type SoakSubject = SharedSubject | ProcessSubject | FileSubject;

/** How large rounds are, in calls of all clients together. */
interface Sizes {
  /** Of a round for the general check: some 60 a key are decided in milliseconds. 120 by default. */
  readonly round?: number;
  /** Of the append-only round that begins each minute. 1,500 by default. */
  readonly big?: number;
  /** Of a round of edits of one key: some 200 grow a long list of pieces. 300 by default. */
  readonly editing?: number;
}

/** What a client process works with. */
export interface Opened {
  readonly store: RecordableStore;
  close(): Promise<unknown>;
  /** Faults inside of the client process; off until its work begins. */
  readonly faults?: LocalFaults;
}

/** Faults that can be switched, and are counted by kind. */
export interface LocalFaults {
  enabled: boolean;
  readonly counts: Readonly<Partial<Record<string, number>>>;
}

/** Many processes, one set of data, a server in between. */
export interface SharedSubject {
  readonly kind: "shared";
  readonly sizes?: Sizes;
  /** Starts what the store needs, once for a run; `seed` for what is left to chance. */
  start(seed: number): Promise<Bench>;
  /** In a client process, with its link's `connection`: no I/O, or such that faults don't make it reject. */
  open(connection: unknown): Opened | Promise<Opened>;
}

/** The servers of a run. */
export interface Bench {
  /** A client's own way to the servers. Each has proxies of its own, so that faults and kills can be aimed at one. */
  link(seed: number): Promise<Link>;
  /** Given when what it acknowledged survives its kill -9; otherwise why it is not killed, which the report repeats. */
  readonly server: KillableServer | { readonly notKilled: string };
  stop(): Promise<void>;
}

/** An `OwnServer`, for one. */
export interface KillableServer {
  kill(): Promise<void>;
  restart(): Promise<void>;
}

export interface Link {
  /** For `open` in the client process: plain data. */
  readonly connection: unknown;
  readonly faults: LocalFaults;
  /** Sees each request and reply on its way: that is when clients and servers are killed. */
  intercept(hooks: Hooks<unknown>): () => void;
  /** When nothing is on its way any longer. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** All clients in one process, which holds the data. */
export interface ProcessSubject {
  readonly kind: "process";
  readonly sizes?: Sizes;
  open(seed: number): Opened | Promise<Opened>;
}

/** One process at a time owns a file: it is killed, and the file looked at. */
export interface FileSubject {
  readonly kind: "file";
  /** Opens the file, in a client process. */
  open(path: string): Promise<FileStore>;
  /** What a file's text holds, by key: not by the store's own code. Throws when it is not whole. */
  parse(text: string): Record<string, string[]>;
}

export interface FileStore extends RecordableStore {
  getKeys(): Promise<readonly string[]>;
  /** Settles when everything so far outlives the process. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Loads a store's file. */
export async function loadSubject(url: string): Promise<SoakSubject> {
  const { subject } = (await import(/* @vite-ignore */ url)) as { subject?: SoakSubject };
  if (subject === undefined) throw new Error(`${url} has no export "subject"`);
  return subject;
}
