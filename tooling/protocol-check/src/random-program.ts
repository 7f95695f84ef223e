import type { Action } from "@chatkeep/chat-store-conformance";
import type { Chooser } from "./choices.js";
import type { HeadProgram } from "./head-protocol.js";
import type { Program, Step } from "./program.js";
import type { FaultKind } from "./world.js";

export const faultKinds: readonly FaultKind[] = [
  "reply lost",
  "request lost",
  "delayed",
  "doubled",
  "sent twice",
  "crash",
  "given up",
];
const minute = 60 * 1000;
const hour = 60 * minute;

/** What programs are made of by chance. */
export function byChance(chooser: Chooser) {
  const pick = <T>(...options: readonly T[]): T => options[chooser.choose(options.length)] as T;
  const chance = (oneIn: number) => chooser.choose(oneIn) === 0;
  let values = 0;
  const value = () => `v${++values}${chance(4) ? "-".repeat(pick(12, 30)) : ""}`;
  const list = (most: number) => Array.from({ length: chooser.choose(most) + 1 }, value);

  const adding = (): Action =>
    chance(2) ? { kind: "append", values: list(4) } : { kind: "insert", index: chooser.choose(3), value: value() };
  const action = (): Action => {
    switch (chooser.choose(14)) {
      case 0:
      case 1:
      case 2:
        return { kind: "append", values: [value()] };
      case 3:
        return { kind: "append", values: list(5) };
      case 4:
      case 5:
        return { kind: "pop" };
      case 6:
        return { kind: "delete", index: chooser.choose(3) };
      case 7:
        return { kind: "insert", index: chooser.choose(3), value: value() };
      case 8:
        return { kind: "edit", index: chooser.choose(3), value: value() };
      case 9:
        return { kind: "replace", values: list(4) };
      case 10:
        return { kind: "forget" };
      case 11:
        return { kind: "trim", keepLast: chooser.choose(3) };
      case 12:
        return { kind: "page", limit: chooser.choose(3) + 1 };
      default:
        return { kind: "read" };
    }
  };

  /** Clients whose steps `make` makes, some of which others bring again with the id that `hasId` gives them. */
  function clients(
    make: () => Step,
    hasId: (action: Action) => boolean,
  ): Required<Pick<Program, "clients" | "atOnce">> {
    const shared: Step[] = [];
    const step = (): Step => {
      const known = shared[chooser.choose(4)];
      if (known !== undefined && chance(2)) return known;
      const made = make();
      if ("action" in made && hasId(made.action) && chance(3)) {
        made.operationId = `caller${shared.length}`;
        shared.push(made);
      }
      return made;
    };
    const all = Array.from({ length: 2 + chooser.choose(2) }, () =>
      Array.from({ length: 2 + chooser.choose(3) }, step),
    );
    return { clients: all, atOnce: all.map(() => chance(6)) };
  }
  return { pick, chance, list, adding, action, clients };
}

/** A small program by chance: two or three clients, a few operations each, and whatever may go wrong. */
export function randomHeadProgram(chooser: Chooser): HeadProgram {
  const { pick, chance, list, adding, ...any } = byChance(chooser);
  const onlyAdds = chance(8);
  const action = () => (onlyAdds ? adding() : any.action());
  // Heads of ended conversations are deleted, and with them what is known of callers' ids.
  const headsEnd = chance(5);
  const rememberedOperations = pick(1, 2, 4, 33, 33, 33);
  const keys = chance(6) ? ["k", "l"] : ["k"];
  const step = (): Step => {
    const key = pick(...keys);
    return chance(onlyAdds ? 3 : 12) ? { key, walk: chooser.choose(2) + 1 } : { key, action: action() };
  };
  const { clients: writers, atOnce } = any.clients(step, ({ kind }) => {
    // Beyond the window nobody can tell an id of a caller from a new one.
    return kind !== "page" && kind !== "read" && rememberedOperations === 33 && !headsEnd;
  });
  const clients = [...writers];
  const purgers = chooser.choose(3) + (headsEnd ? 1 : 0);
  for (let i = 0; i < purgers; i++) {
    const purge = (): Step => ({ housekeeping: pick("purge", "thorough purge") });
    clients.push(Array.from({ length: 1 + chooser.choose(2) }, purge));
  }
  const expires = chance(3);
  const time = headsEnd
    ? { ttlMs: expires ? 3 * hour : undefined, keepEndedMs: 5 * hour, ticks: 5, tickMs: [2 * hour] }
    : expires
      ? { ttlMs: 10_000, keepEndedMs: 24 * hour, ticks: 5, tickMs: [4_000, 11_000] }
      : { ttlMs: undefined, keepEndedMs: 24 * hour, ticks: 2, tickMs: [2 * hour] };
  return {
    clients,
    atOnce,
    ttlMs: time.ttlMs,
    skewMs: expires ? clients.map(() => pick(0, 0, -3_000, 3_000)) : undefined,
    // What the deletion of heads rests on: no call goes on, and no request arrives, as late as that.
    callMs: headsEnd ? hour : undefined,
    limits: { rowBytes: pick(8, 100), inlineBytes: 24, rowsWithHead: pick(0, 0, 4) },
    sideBySide: chance(2),
    newestWithHead: chance(2),
    findsLost: chance(2),
    tuning: {
      rememberedOperations,
      tailEntries: pick(1, 2, 8),
      manyPieces: pick(1, 2, 4),
      tooManyPieces: pick(2, 6, 100),
      piecesCopied: pick(2, 3, 16),
      messagesCopied: pick(1, 2, 3, 200),
      rowsErased: pick(1, 500),
      keepEndedMs: time.keepEndedMs,
      keepStagedMs: pick(0, hour),
    },
    trouble: {
      faults: chooser.choose(4),
      kinds: faultKinds,
      ticks: chooser.choose(time.ticks + 1),
      tickMs: time.tickMs,
      latestMs: headsEnd ? 15 * minute : undefined,
    },
    before: Array.from({ length: chooser.choose(5) }, () => ({
      key: "k",
      action: chance(2) ? { kind: "append", values: list(4) } : action(),
    })),
  };
}
