import type { Action, Call } from "@chatkeep/chat-store-conformance";
import type { DocumentDriver } from "@chatkeep/chat-store-core/backend";
import type { Chooser } from "./choices.js";
import { DocumentServicePort, type DocumentStyle } from "./document-port.js";
import { type Document, DocumentService } from "./document-service.js";
import type { Program } from "./program.js";
import type { Protocol } from "./protocol.js";
import { byChance, faultKinds } from "./random-program.js";
import { patient } from "./service-port.js";
import { smallDocumentPrograms } from "./small-document-programs.js";
import type { Trouble } from "./world.js";

export interface DocumentProgram extends Program {
  style: DocumentStyle;
  /** How many operations a document remembers. */
  remembered: Remembered;
}

type Remembered = 1 | 2 | 33;

/** Drivers by how many operations they leave in a document. */
export type DocumentDrivers = Readonly<Record<Remembered, typeof DocumentDriver>>;

const month = 30 * 24 * 60 * 60 * 1000;

export function documentProtocol(drivers: DocumentDrivers): Protocol<DocumentProgram, DocumentService> {
  return {
    service: () => new DocumentService(),
    driver({ style, remembered, ttlMs }, { send, now, service }) {
      const port = new DocumentServicePort(send, service, now, style);
      return new drivers[remembered]<string, Document>(port, { ttlMs });
    },
    seed: (service, key, items) => service.seed(key, items),
    judged: (calls, { forgotten, prolongedLate }) =>
      forgotten.judged(calls).filter((call) => !prolongedLate.has(call.key) || !tellsOfNothing(call)),
    async end({ program, world, alone }) {
      if (program.ttlMs === undefined) return [];
      world.passTime(month);
      await alone("purger", async (driver) => void (await driver.purge(patient)));
      const left = [...world.service.documents].filter(([, { expiresAt }]) => expiresAt !== undefined);
      return left.map(([key]) => `${key} was left behind`);
    },
    random: randomDocumentProgram,
    small: smallDocumentPrograms,
  };
}

/**
 * Where a write that is on its way prolongs what has expired meanwhile, others may have found nothing there: in this layout
 * an expiry is no fact once it is seen.
 */
function tellsOfNothing({ answer }: Call): boolean {
  if (typeof answer === "object" && answer !== null) return "error" in answer || answer.length === 0;
  return answer === null || answer === 0;
}

function randomDocumentProgram(chooser: Chooser): DocumentProgram {
  const { pick, chance } = byChance(chooser);
  const ttlMs = chance(4) ? 10_000 : undefined;
  const remembered = pick<Remembered>(1, 2, 33, 33, 33);
  const sentOnce = pick("counted", "known", "unknown");
  const program = randomSteps(chooser, { expires: ttlMs !== undefined, repeats: remembered === 33, ends: chance(2) });
  const { kinds, ...trouble } = program.trouble;
  return {
    ...program,
    ttlMs,
    style: { sendsChanges: chance(2), tellsCurrent: chance(2), sentOnce, expiryUnitMs: pick(1, 1_000) },
    remembered,
    trouble: { ...trouble, kinds: sentOnce === "known" ? kinds.filter((kind) => kind !== "sent twice") : kinds },
  };
}

interface RandomSteps {
  expires: boolean;
  /** Whether callers give ids that come again. */
  repeats: boolean;
  /** Whether conversations may come to leave nothing. */
  ends: boolean;
  /** Actions that are done. */
  kinds?: readonly Action["kind"][] | undefined;
}

const allKinds = ["append", "insert", "pop", "delete", "edit", "replace", "forget", "trim", "read", "page"] as const;

/** Clients of a layout in which a conversation that ends leaves nothing, so that a creation that comes late would bring it back. */
export function randomSteps(
  chooser: Chooser,
  { expires, repeats, ends, kinds = allKinds }: RandomSteps,
): Required<Pick<Program, "clients" | "atOnce" | "before" | "seed">> & { trouble: Trouble } {
  const { pick, chance, list, action: any, ...made } = byChance(chooser);
  const keys = chance(6) ? ["k", "l"] : ["k"];
  const action = () => {
    for (;;) {
      const made = any();
      if (kinds.includes(made.kind) && (ends || made.kind !== "forget")) return made;
    }
  };
  const { clients: writers, atOnce } = made.clients(
    () => ({ key: pick(...keys), action: action() }),
    // A document that was forgotten remembers nothing, nor that.
    ({ kind }) => repeats && !["page", "read", "forget"].includes(kind),
  );
  const clients = [...writers];
  if (expires) for (let i = chooser.choose(3); i > 0; i--) clients.push([{ housekeeping: "purge" }]);
  return {
    clients,
    atOnce,
    before: Array.from({ length: chooser.choose(4) }, () => ({
      action: chance(2) ? { kind: "append", values: list(4) } : action(),
    })),
    seed: chance(4) ? list(3) : undefined,
    trouble: {
      faults: chooser.choose(4),
      kinds: faultKinds,
      ticks: expires ? chooser.choose(6) : 0,
      tickMs: [4_000, 11_000],
      creationsOnce: ends || expires,
    },
  };
}
