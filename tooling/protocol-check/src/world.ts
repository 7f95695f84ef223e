import type { AbortSignalLike } from "@chatkeep/chat-store-core";
import type { Chooser } from "./choices.js";

/** The stored data of all conversations: what a real service would hold. */
export interface Stored {
  /** In milliseconds. */
  clock: number;
  /** Orders what clients do and are told; no measure of time. */
  moment: number;
  /** Takes over the stored data of another one. */
  take(other: this): void;
}

/**
 * What a request does at the service. A `creation` is a write that happens if there is nothing: no other condition is as
 * weak, since that can hold again.
 */
export type RequestKind = "read" | "write" | "creation";

/** How a request comes to the service: at once, or when a chooser lets it. A client that gives it up does not know whether it does. */
export type Send<S> = <T>(kind: RequestKind, apply: (service: S) => T, signal?: AbortSignalLike) => Promise<T>;

/** What may go wrong in a run, and how often in all. */
export interface Trouble {
  /** Of all kinds together. */
  faults: number;
  kinds: readonly FaultKind[];
  /** How often time may move on, and by how much, in milliseconds. */
  ticks: number;
  tickMs: readonly number[];
  /** A request is refused when it comes later than this after it was sent, in milliseconds; at any time when absent. */
  latestMs?: number | undefined;
  /** Creations come once, none of them later than its client is told, and their answers are not lost. */
  creationsOnce?: boolean | undefined;
}

export type FaultKind =
  | "reply lost" // applied, and the client is told of a failure
  | "request lost" // not applied, and the client is told of a failure
  | "busy" // not applied, and the client is told to come again
  | "delayed" // the client is told of a failure; applied any time later, or never
  | "doubled" // applied, and once more any time later, or never
  | "sent twice" // applied, and once more later, which is what the client is told of
  | "crash" // the client is no more; its requests under way are applied or not
  | "given up"; // the caller waits no longer; the client goes on

const maybeTwice: readonly FaultKind[] = ["reply lost", "delayed", "doubled", "sent twice"];

interface Request {
  client: string;
  kind: RequestKind;
  sentAt: number;
  /** Does it at the service, and answers what the client would be told. */
  apply: () => unknown;
  resolve: (answer: unknown) => void;
  reject: (error: Error) => void;
}

/** A service and its clients, of which nothing moves unless the chooser says so. */
export class World<S extends Stored> {
  readonly service: S;
  readonly #chooser: Chooser;
  readonly #trouble: Trouble;
  /** Sent and not answered. */
  readonly #requests: Request[] = [];
  /** Writes that are on their way although nobody waits for them. */
  readonly #floating: Request[] = [];
  readonly #crashed = new Set<string>();
  /** Calls whose callers may stop waiting. */
  readonly #waiting = new Set<() => void>();
  #faults = 0;
  #ticks = 0;
  steps = 0;
  /** The first rule that a request broke, whoever was told of it. */
  broken: unknown;

  constructor(chooser: Chooser, trouble: Trouble, service: S) {
    this.#chooser = chooser;
    this.#trouble = trouble;
    this.service = service;
  }

  nextMoment(): number {
    return ++this.service.moment;
  }

  /** A client's requests. */
  senderOf(client: string): Send<S> {
    return <T>(kind: RequestKind, apply: (service: S) => T, signal?: AbortSignalLike) =>
      new Promise<T>((resolve, reject) => {
        if (this.#crashed.has(client)) return;
        const request: Request = {
          client,
          kind,
          sentAt: this.service.clock,
          apply: () => this.#watched(apply),
          resolve: resolve as (answer: unknown) => void,
          reject,
        };
        this.#requests.push(request);
        signal?.addEventListener("abort", () => this.#abandon(request));
      });
  }

  /** While `call` goes on, its caller may give it up. */
  async giveable<T>(giveUp: () => void, call: Promise<T>): Promise<T> {
    this.#waiting.add(giveUp);
    try {
      return await call;
    } finally {
      this.#waiting.delete(giveUp);
    }
  }

  /** Lets everybody move until nobody wants to any more. Throws when that takes too long, which counts as a violation. */
  async run(mostSteps = 4_000): Promise<void> {
    for (;;) {
      // All that a client does between two requests happens in microtasks.
      await new Promise<void>((resolve) => setImmediate(resolve));
      const moves = this.#moves();
      const [only] = moves;
      if (only === undefined) return;
      if (++this.steps > mostSteps) throw new Error("The clients don't come to an end.");
      const move = moves.length === 1 ? only : moves[this.#chooser.choose(moves.length)];
      move?.();
    }
  }

  /** What is still on its way arrives, or is lost; from now on there is no trouble any more. */
  settle(): void {
    this.#faults = Number.POSITIVE_INFINITY;
    this.#ticks = Number.POSITIVE_INFINITY;
    for (const write of this.#floating.splice(0)) if (this.#chooser.choose(2) === 1) this.#answer(write);
  }

  /** A moment at which nothing is on its way any more. */
  passTime(ms: number): void {
    this.service.clock += ms;
  }

  #moves(): (() => void)[] {
    const moves: (() => void)[] = [];
    for (const request of this.#requests) moves.push(() => this.#deliver(request));
    if (this.#requests.length === 0) return moves;
    for (const write of this.#floating) {
      moves.push(() => {
        this.#floating.splice(this.#floating.indexOf(write), 1);
        write.apply();
      });
    }
    if (this.#ticks < this.#trouble.ticks) {
      for (const ms of this.#trouble.tickMs) {
        moves.push(() => {
          this.#ticks++;
          this.passTime(ms);
          this.#refuseLate();
        });
      }
    }
    if (this.#faults < this.#trouble.faults) {
      for (const request of this.#requests) {
        for (const kind of this.#trouble.kinds) {
          if (kind === "given up") continue;
          if (this.#canFail(request, kind)) moves.push(() => this.#fail(request, kind));
        }
      }
      if (this.#trouble.kinds.includes("given up")) {
        for (const giveUp of this.#waiting) {
          moves.push(() => {
            this.#faults++;
            giveUp();
          });
        }
      }
    }
    return moves;
  }

  #canFail(request: Request, kind: FaultKind): boolean {
    if (request.kind === "read") return kind === "request lost" || kind === "busy";
    return request.kind === "write" || this.#trouble.creationsOnce !== true || !maybeTwice.includes(kind);
  }

  /** Its client waits no longer. */
  #abandon(request: Request): void {
    const at = this.#requests.indexOf(request);
    if (at < 0) return;
    this.#requests.splice(at, 1);
    if (request.kind !== "read") this.#floating.push(request);
    request.reject(noAnswer());
  }

  #deliver(request: Request): void {
    this.#requests.splice(this.#requests.indexOf(request), 1);
    this.#answer(request);
  }

  /** What the service throws is a rule that was broken, and the client's to hand on. */
  #answer({ apply, resolve, reject }: Request): void {
    let answer: unknown;
    try {
      answer = apply();
    } catch (error) {
      reject(error as Error);
      return;
    }
    resolve(answer);
  }

  #watched<T>(apply: (service: S) => T): T {
    try {
      return apply(this.service);
    } catch (error) {
      this.broken ??= error;
      throw error;
    }
  }

  #refuseLate(): void {
    const { latestMs } = this.#trouble;
    if (latestMs === undefined) return;
    const isLate = ({ sentAt }: Request) => this.service.clock - sentAt > latestMs;
    for (const late of this.#requests.filter(isLate)) {
      this.#requests.splice(this.#requests.indexOf(late), 1);
      late.reject(noAnswer());
    }
    for (const late of this.#floating.filter(isLate)) this.#floating.splice(this.#floating.indexOf(late), 1);
  }

  #fail(request: Request, kind: FaultKind): void {
    this.#faults++;
    this.#requests.splice(this.#requests.indexOf(request), 1);
    switch (kind) {
      case "reply lost":
        this.#answer({ ...request, resolve: () => request.reject(noAnswer()) });
        return;
      case "request lost":
        request.reject(noAnswer());
        return;
      case "busy":
        request.reject(Object.assign(new Error("busy"), { statusCode: 503 }));
        return;
      case "delayed":
        this.#floating.push(request);
        request.reject(noAnswer());
        return;
      case "sent twice":
        this.#answer({ ...request, resolve: () => {}, reject: () => {} });
        this.#requests.push(request);
        return;
      case "doubled":
        this.#floating.push(request);
        this.#answer(request);
        return;
      case "crash": {
        this.#crashed.add(request.client);
        const own = this.#requests.filter(({ client }) => client === request.client);
        for (const each of own) this.#requests.splice(this.#requests.indexOf(each), 1);
        for (const each of [request, ...own]) if (each.kind !== "read") this.#floating.push(each);
      }
    }
  }
}

function noAnswer(): Error {
  return new Error("no answer");
}
