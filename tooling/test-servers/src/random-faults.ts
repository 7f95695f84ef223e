import type { CommonFault } from "./faults.js";
import type { HttpFault, HttpRequest } from "./http-proxy.js";
import { type Duration, pickMs, seededRandom } from "./random.js";
import type { TcpFault, TcpRequest } from "./tcp-proxy.js";

export type RandomFaultKind = Exclude<HttpFault["kind"], "rewrite">;

/** The share of requests that get each fault; together at most 1. */
export type FaultRates = Partial<Record<RandomFaultKind, number>>;

export interface RandomFaultSettings {
  /** Of delays, late duplicates and black holes, which a soak run has to end. 1 to 50 ms by default. */
  readonly ms?: Duration;
  /** Of a truncated reply, at most. 64 by default. */
  readonly bytes?: number;
  /** What "respond" answers, one of them each time. */
  readonly answers?: readonly HttpFault[];
}

export interface RandomFaults {
  /** For `tcpProxy(…).always(…)`. */
  tcp(): (request: TcpRequest) => TcpFault | undefined;
  /** For `httpProxy(…).always(…)`. */
  http(): (request: HttpRequest) => HttpFault | undefined;
  /** Off for the end of a run, when its result is read. Requests then take nothing from the schedule. */
  enabled: boolean;
  readonly requests: number;
  readonly counts: Readonly<Partial<Record<RandomFaultKind, number>>>;
  /** One line: the seed and what was done. */
  summary(): string;
}

const TCP_KINDS: ReadonlySet<string> = new Set<CommonFault["kind"]>([
  "delay",
  "reset-before",
  "reset-after",
  "truncate-reply",
  "black-hole",
]);

/** A schedule of faults: the n-th request gets the same for the same seed. */
export function randomFaults(seed: number, rates: FaultRates, settings: RandomFaultSettings = {}): RandomFaults {
  const random = seededRandom(seed);
  const shares = Object.entries(rates) as [RandomFaultKind, number][];
  if (shares.reduce((sum, [, share]) => sum + share, 0) > 1 + Number.EPSILON * 16) {
    throw new RangeError("the shares of the faults are more than 1 together");
  }
  const duration = settings.ms ?? { min: 1, max: 50 };
  const ms = () => pickMs(duration, random);
  const counts: Partial<Record<RandomFaultKind, number>> = {};
  let requests = 0;
  let enabled = true;

  function kind(): RandomFaultKind | undefined {
    let at = random();
    for (const [name, share] of shares) {
      if (at < share) return name;
      at -= share;
    }
    return undefined;
  }

  function common(name: CommonFault["kind"]): CommonFault {
    switch (name) {
      case "delay":
        return { kind: name, ms: ms() };
      case "truncate-reply":
        return {
          kind: name,
          bytes: Math.floor(random() * (settings.bytes ?? 64)),
          end: random() < 0.5 ? "reset" : "close",
        };
      case "black-hole":
        return { kind: name, ms: ms(), forward: random() < 0.5 };
      default:
        return { kind: name };
    }
  }

  function http(name: RandomFaultKind): HttpFault {
    switch (name) {
      case "duplicate":
        return { kind: name, answer: random() < 0.5 ? "first" : "second" };
      case "late-duplicate":
        return { kind: name, ms: ms() };
      case "respond": {
        const answers = settings.answers ?? [];
        const answer = answers[Math.floor(random() * answers.length)];
        if (answer === undefined) throw new Error('the fault "respond" needs `answers`');
        return answer;
      }
      default:
        return common(name);
    }
  }

  function next<Fault>(make: (name: RandomFaultKind) => Fault): Fault | undefined {
    if (!enabled) return undefined;
    requests += 1;
    const name = kind();
    if (name === undefined) return undefined;
    counts[name] = (counts[name] ?? 0) + 1;
    return make(name);
  }

  return {
    tcp() {
      const wrong = shares.find(([name]) => !TCP_KINDS.has(name));
      // Left out silently it would look like a run that passed.
      if (wrong !== undefined) throw new Error(`a TCP proxy can't do the fault ${JSON.stringify(wrong[0])}`);
      return () => next((name) => common(name as CommonFault["kind"]));
    },
    http() {
      if ((rates.respond ?? 0) > 0 && !settings.answers?.length) {
        throw new Error('the fault "respond" needs `answers`');
      }
      return () => next(http);
    },
    get enabled() {
      return enabled;
    },
    set enabled(value) {
      enabled = value;
    },
    get requests() {
      return requests;
    },
    get counts() {
      return { ...counts };
    },
    summary() {
      const done = shares.map(([name]) => `${name} ${counts[name] ?? 0}`).join(", ");
      return `faults (seed ${seed}): ${done || "none"}; of ${requests} requests`;
    },
  };
}
