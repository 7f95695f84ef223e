import { createHash } from "node:crypto";
import type { ReadContext } from "@chatkeep/chat-store-core/backend";
import type { Command, PortLimits, Script, ScriptPort } from "@chatkeep/redis-layouts";
import { ClientClosed, ConnectionLost, NoReply, NotConnected, TooFewReplicas } from "./failures.js";
import type { RedisClientLike } from "./options.js";

const limits: PortLimits = {
  // Redis takes 512 MB in one string (proto-max-bulk-len), and 1 GB in one request (client-query-buffer-limit).
  requestBytes: 64 * 1024 * 1024,
  // More would keep other clients waiting.
  replyBytes: 16 * 1024 * 1024,
};

/** How long a try waits for a connection, and for a reply, in milliseconds. */
const connectionMs = 3_000;
const replyMs = 10_000;
/** How long replicas have to confirm a write, in milliseconds. */
const replicaMs = 1_000;

/** Names asked for in one step of a SCAN. */
const scanCount = 1_000;

/** A request under way. */
interface Waiting {
  reject(error: Error): void;
  /** By the seconds of the watch. */
  readonly until: number;
}

export interface ScriptConnectionOptions {
  minReplicas: number;
  /** Closes the client, if it is the store's own. */
  close: () => void;
}

/** Scripts over a client of ioredis. Nothing is sent before the connection is there, so nothing waits in its queues. */
export class ScriptConnection implements ScriptPort {
  readonly limits = limits;
  readonly acrossSlots: boolean;
  readonly together: ScriptPort["together"];
  readonly #client: RedisClientLike;
  readonly #options: ScriptConnectionOptions;
  readonly #hashes = new Map<Script, string>();
  readonly #waiting = new Set<Waiting>();
  #watch: ReturnType<typeof setInterval> | undefined;
  /** Seconds that the watch has run for. */
  #now = 0;
  #corked = false;
  #connecting: Promise<void> | undefined;
  #connectedBefore = false;
  /** Why the connection is to another database than the one that was asked for: ioredis would go on in the first. */
  #misplaced: Error | undefined;

  constructor(client: RedisClientLike, options: ScriptConnectionOptions) {
    this.#client = client;
    this.#options = options;
    this.acrossSlots = client.isCluster !== true;
    // A Cluster may be set to read from replicas, a pipeline may be left out by some commands, and WAIT goes with a script.
    const inOrder = client.isCluster !== true && client.options.enableAutoPipelining !== true;
    const plainly = inOrder && options.minReplicas === 0;
    this.together = plainly ? (commands) => this.#ready(() => this.#settled(this.#sendAll(commands))) : undefined;
    client.on("close", this.#onClose);
    client.on("error", this.#onError);
  }

  /** Sends the script's hash, and once more with its text where Redis does not know that. */
  run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    const call = [this.#hashOf(script), keys.length, ...keys, ...args];
    return this.#ready(() => this.#settled(this.#send("evalsha", call))).catch((error: unknown) => {
      // Redis was restarted, or told to forget its scripts, or it is another one.
      if (!startsWith(error, "NOSCRIPT")) throw error;
      call[0] = script.source;
      return this.#settled(this.#send("eval", call));
    });
  }

  /** Sends when there is a connection. */
  #ready<T>(send: () => Promise<T>): Promise<T> {
    const isReady = this.#connectedBefore && this.#client.status === "ready";
    const sent = isReady ? send() : this.#connected().then(send);
    return sent.catch(async (error: unknown) => {
      if (startsWith(error, "READONLY")) await this.#givenUp();
      throw error;
    });
  }

  async scanLists(pattern: string, context: ReadContext): Promise<string[]> {
    await this.#connected();
    // ioredis puts its prefix before keys, and a pattern is none.
    const { keyPrefix = "" } = this.#client.options;
    const match = keyPrefix.replace(/[*?[\]\\]/g, "\\$&") + pattern;
    const found: string[] = [];
    for (const node of this.#primaries()) {
      let cursor = "0";
      do {
        if (context.signal.aborted) throw new ConnectionLost("The listing was aborted.");
        const args = [cursor, "MATCH", match, "COUNT", scanCount, "TYPE", "list"];
        const [next, names] = (await this.#settled(node.call("scan", args))) as [string, string[]];
        for (const name of names) found.push(name.slice(keyPrefix.length));
        cursor = String(next);
      } while (cursor !== "0");
    }
    return found;
  }

  async close(): Promise<void> {
    this.#stopWatch();
    this.#client.off("close", this.#onClose);
    this.#client.off("error", this.#onError);
    this.#options.close();
  }

  #send(command: "evalsha" | "eval", args: (string | number)[]): Promise<unknown> {
    this.#cork();
    return this.#options.minReplicas === 0 ? this.#client.call(command, args) : this.#confirmed(command, args);
  }

  #sendAll(commands: readonly Command[]): Promise<unknown[]> {
    this.#cork();
    return Promise.all(commands.map(([name, ...args]) => this.#client.call(name, args)));
  }

  /** What is sent in one turn of the event loop leaves together: a system call for each would cost more than all else. */
  #cork(): void {
    const { stream } = this.#client;
    if (this.#corked || typeof stream?.cork !== "function") return;
    this.#corked = true;
    stream.cork();
    process.nextTick(() => {
      this.#corked = false;
      stream.uncork();
    });
  }

  async #confirmed(command: "evalsha" | "eval", args: (string | number)[]): Promise<unknown> {
    try {
      return await this.#sendAndWait(command, args);
    } catch (error) {
      if (!(error instanceof Error) || !/^(?:MOVED|ASK|TRYAGAIN|CLUSTERDOWN|READONLY)\b/.test(error.message))
        throw error;
      // ioredis follows and remembers where a slot has gone to, but not for what was sent together.
      await this.#client.call(command, args);
      return this.#sendAndWait(command, args);
    }
  }

  async #sendAndWait(command: "evalsha" | "eval", args: (string | number)[]): Promise<unknown> {
    const { minReplicas } = this.#options;
    // WAIT is about all that the primary had done when it answered this connection's last command, so that a read is not
    // answered either before the replicas have what it shows. In a Cluster both go where the keys are.
    const wait = ["call", "wait", [minReplicas, replicaMs]];
    const replies = await this.#client.pipeline([["call", command, args], wait]).exec();
    const [[failure, reply] = [null, null], [unconfirmed, replicas] = [null, 0]] = replies ?? [];
    if (failure !== null) throw failure;
    if (unconfirmed !== null) throw unconfirmed;
    if (Number(replicas) < minReplicas) throw new TooFewReplicas(Number(replicas));
    return reply;
  }

  #hashOf(script: Script): string {
    let hash = this.#hashes.get(script);
    if (hash === undefined) {
      hash = createHash("sha1").update(script.source).digest("hex");
      this.#hashes.set(script, hash);
    }
    return hash;
  }

  #primaries(): readonly RedisClientLike[] {
    const client: RedisClientLike & { nodes?: (role: "master") => RedisClientLike[] } = this.#client;
    return this.acrossSlots || client.nodes === undefined ? [client] : client.nodes("master");
  }

  /** Waits for a reply, but not for ever: with some options ioredis never settles what was under way on a lost connection. */
  #settled<T>(reply: Promise<T>): Promise<T> {
    // One timer for all: one for each request would cost more than the rest of this.
    this.#watch ??= setInterval(this.#onSecond, 1_000);
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { reject, until: this.#now + replyMs / 1_000 };
      this.#waiting.add(waiting);
      reply.then(
        (value) => {
          this.#waiting.delete(waiting);
          resolve(value);
        },
        (error: unknown) => {
          this.#waiting.delete(waiting);
          reject(error);
        },
      );
    });
  }

  readonly #onSecond = () => {
    this.#now++;
    for (const waiting of this.#waiting) {
      // In the order in which they were sent.
      if (waiting.until > this.#now) break;
      this.#waiting.delete(waiting);
      waiting.reject(new NoReply(replyMs));
    }
    if (this.#waiting.size === 0) this.#stopWatch();
  };

  #stopWatch(): void {
    clearInterval(this.#watch);
    this.#watch = undefined;
  }

  /** A connection to a primary that has become a replica is given up (see client.ts), and what is sent meanwhile is lost. */
  #givenUp(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#client.off("close", done);
        resolve();
      };
      const timer = setTimeout(done, 100);
      this.#client.on("close", done);
    });
  }

  readonly #onError = (error?: Error) => {
    if (/DB index is out of range|SELECT is not allowed/i.test(error?.message ?? "")) this.#misplaced = error;
  };

  readonly #onClose = () => {
    this.#misplaced = undefined;
    // Otherwise the client sends it again, which does no harm.
    if (this.#client.options.autoResendUnfulfilledCommands !== false) return;
    for (const { reject } of this.#waiting) reject(new ConnectionLost("The connection was lost."));
    this.#waiting.clear();
  };

  /** Settles when requests can be sent. Rejects when that takes too long, or when it can't come about. */
  async #connected(): Promise<void> {
    if (this.#client.status !== "ready") {
      // One wait for all: a client warns of many listeners.
      this.#connecting ??= this.#connection().finally(() => {
        this.#connecting = undefined;
      });
      await this.#connecting;
    }
    if (this.#misplaced !== undefined) throw new NotConnected(this.#misplaced);
    this.#connectedBefore = true;
  }

  #connection(): Promise<void> {
    const client = this.#client;
    return new Promise((resolve, reject) => {
      let last: Error | undefined;
      const listeners: Record<string, (error?: Error) => void> = {
        ready: () => finish(),
        error: (error) => {
          last = error;
        },
        close: () => {
          // Who never was connected need not wait for a server to come back.
          if (last !== undefined && (!this.#connectedBefore || isAnswer(last))) finish(new NotConnected(last));
        },
        end: () => finish(last === undefined ? new ClientClosed() : new NotConnected(last)),
      };
      const timer = setTimeout(() => finish(new NotConnected(last)), connectionMs);
      const finish = (error?: Error) => {
        clearTimeout(timer);
        for (const [event, listener] of Object.entries(listeners)) client.off(event, listener);
        if (error === undefined) resolve();
        else reject(error);
      };
      for (const [event, listener] of Object.entries(listeners)) client.on(event, listener);
      if (client.status === "end") finish(new ClientClosed());
      // What goes wrong is told by its events.
      else if (client.status === "wait") client.connect().catch(() => {});
    });
  }
}

function startsWith(error: unknown, code: string): boolean {
  return error instanceof Error && error.message.startsWith(code);
}

/** Whether Redis itself refused: waiting would not help. */
function isAnswer(error: Error): boolean {
  return error.name === "ReplyError";
}
