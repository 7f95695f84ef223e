import type { DefineCase, Group, Place, Run } from "./case.js";
import { abort } from "./groups/abort.js";
import { closing } from "./groups/closing.js";
import { concurrency } from "./groups/concurrency.js";
import { costs } from "./groups/costs.js";
import { editing } from "./groups/editing.js";
import { errors } from "./groups/errors.js";
import { keys } from "./groups/keys.js";
import { model } from "./groups/model.js";
import { operationIds } from "./groups/operation-ids.js";
import { operations } from "./groups/operations.js";
import { pages } from "./groups/pages.js";
import { roundTrips } from "./groups/round-trips.js";
import { sizes } from "./groups/sizes.js";
import { ttl } from "./groups/ttl.js";
import { type Ability, abilities, type Level, type Space, type Subject } from "./subject.js";

/** One test of the kit. */
export interface Case {
  group: string;
  title: string;
  /** Why it is not run: the store declares to lack what it takes. */
  gap?: string | undefined;
  /** Rejects when the store fails it. */
  run(): Promise<void>;
}

/** The cases of the kit for one subject. */
export interface Suite {
  cases: readonly Case[];
  /** Closes and removes what the cases used. Call it after the last one. */
  dispose(): Promise<void>;
}

const groups: Readonly<Record<string, Group>> = {
  operations,
  "round trips": roundTrips,
  keys,
  pages,
  sizes,
  editing,
  "operation ids": operationIds,
  costs,
  "time to live": ttl,
  concurrency,
  abort,
  closing,
  errors,
  model,
};

/** All cases for a store, for any test runner: each `run` rejects when the store fails it. Run them one after another. */
export function conformanceSuite(subject: Subject, level: Level = "quick"): Suite {
  const stage = new Stage(subject, level);
  const cases: Case[] = [];
  for (const [group, defineGroup] of Object.entries(groups)) {
    const define: DefineCase = (title: string, options: { needs: Ability | readonly Ability[] } | Run, run?: Run) => {
      const [needs, body] = typeof options === "function" ? [[], options] : [[options.needs].flat(), run as Run];
      const gaps = needs.flatMap((ability) => {
        const reason = subject.lacks?.[ability];
        return reason === undefined ? [] : [`${abilities[ability]}: ${reason}`];
      });
      cases.push({ group, title, gap: gaps.length > 0 ? gaps.join("; ") : undefined, run: () => stage.run(body) });
    };
    defineGroup(define, { subject, level });
  }
  return { cases, dispose: () => stage.dispose() };
}

let keysMade = 0;

/** What the cases of one suite share: a place, and two clients on it. */
class Stage {
  readonly #subject: Subject;
  readonly #level: Level;
  #shared: Promise<Place> | undefined;

  constructor(subject: Subject, level: Level) {
    this.#subject = subject;
    this.#level = level;
  }

  async run(body: Run): Promise<void> {
    this.#shared ??= this.#open();
    const { space, store, other } = await this.#shared;
    const cleanUp: (() => Promise<void>)[] = [];
    // The last character keeps one key from being the beginning of another.
    const newKey = () => `conformance-${++keysMade}.`;
    try {
      await body({
        subject: this.#subject,
        level: this.#level,
        store,
        other,
        key: newKey(),
        newKey,
        space,
        async connect(options) {
          const client = await space.connect(options);
          cleanUp.unshift(() => client.close());
          return client;
        },
        newSpace: async () => {
          const place = await this.#open();
          cleanUp.push(() => close(place));
          return place;
        },
        passTime: (milliseconds) => passTime(space, milliseconds),
      });
    } finally {
      for (const step of cleanUp) await step();
    }
  }

  async #open(): Promise<Place> {
    const space = await this.#subject.space();
    const store = await space.connect();
    const other = this.#subject.lacks?.secondClient === undefined ? await space.connect() : store;
    return { space, store, other };
  }

  async dispose(): Promise<void> {
    if (this.#shared !== undefined) await close(await this.#shared);
  }
}

async function close({ space, store, other }: Place): Promise<void> {
  await store.close();
  await other.close();
  await space.dispose();
}

async function passTime(space: Space, milliseconds: number): Promise<void> {
  if (space.advanceTime !== undefined) return space.advanceTime(milliseconds);
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}
