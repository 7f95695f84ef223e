import { isDeepStrictEqual } from "node:util";
import { isChatStoreError } from "@chatkeep/chat-store-core";
import type { Operation } from "@chatkeep/chat-store-core/backend";
import { RandomChooser } from "./choices.js";
import type { HeadDriverConstructor } from "./head-protocol.js";
import { Service } from "./service.js";
import { patient, ServicePort } from "./service-port.js";
import { usualTuning } from "./tuning.js";

const day = 25 * 60 * 60 * 1000;

/** What was asked for in a run. */
export interface Pages {
  pages: number;
  /** By a cursor. */
  kept: number;
  conflicts: number;
}

interface Message {
  payload: string;
}

/** A place between two messages, of which each may be gone and others may have come between them. */
interface Place {
  text: string;
  first: Message;
  older: Message;
}

/** One or two drivers of one service take turns; cursors are kept for long; everything is compared with a list. */
export async function takeTurns(seed: number, HeadDriver: HeadDriverConstructor): Promise<Pages> {
  const chooser = new RandomChooser(seed);
  const pick = <T>(...options: readonly T[]): T => options[chooser.choose(options.length)] as T;
  const limits = { rowBytes: pick(8, 100), inlineBytes: 24, rowsWithHead: pick(0, 4) };
  const tuning = {
    ...usualTuning,
    tailEntries: pick(1, 3),
    manyPieces: pick(1, 3, 6),
    tooManyPieces: pick(2, 8),
    piecesCopied: pick(2, 3, 8),
    keepStagedMs: 0,
  };
  const ttlMs = pick(undefined, 10_000);
  const newestWithHead = pick(false, true);
  const service = new Service({ limits, tuning });
  const drivers = Array.from({ length: pick(1, 2) }, () => {
    const port = new ServicePort(async (_kind, apply) => apply(service), {
      limits,
      now: () => service.clock,
      newestWithHead,
    });
    return new HeadDriver(port, { ttlMs, tuning, pause: async () => {} });
  });
  let history: Message[] = [];
  const places: Place[] = [];
  const count: Pages = { pages: 0, kept: 0, conflicts: 0 };
  let made = 0;
  let written = 0;
  const message = (): Message => ({ payload: `v${++made}${chooser.choose(4) === 0 ? "-".repeat(30) : ""}` });
  const operation = (): Operation => ({
    id: `own${String(++made).padStart(17, "0")}`,
    fingerprint: "x",
    fromCaller: false,
  });

  for (let step = 0; step < 60; step++) {
    const driver = pick(...drivers);
    const c = { ...patient, operation: operation(), mayBeApplied: false };
    if (ttlMs !== undefined && service.clock >= written + ttlMs) history = [];
    const index = chooser.choose(history.length + 1);
    let passed = false;
    const before = history.map(({ payload }) => payload).join();
    switch (chooser.choose(16)) {
      case 0:
      case 1: {
        const messages = Array.from({ length: 1 + chooser.choose(4) }, message);
        await driver.append(
          "k",
          messages.map(({ payload }) => payload),
          c,
        );
        history.push(...messages);
        break;
      }
      case 2:
      case 3:
      case 4: {
        const one = message();
        await driver.insert("k", index, one.payload, c);
        history.splice(index, 0, one);
        break;
      }
      case 5:
      case 6:
        same(await driver.remove("k", index, c), history[index]?.payload, "removed");
        history.splice(index, 1);
        break;
      case 7: {
        const one = message();
        same(await driver.edit("k", index, one.payload, c), history[index]?.payload, "edited");
        if (index < history.length) history[index] = one;
        break;
      }
      case 8:
        same(await driver.pop("k", c), history.pop()?.payload, "popped");
        break;
      case 9:
        if (chooser.choose(2) > 0) break;
        if (chooser.choose(2) === 0) {
          history = Array.from({ length: 1 + chooser.choose(4) }, message);
          await driver.replace(
            "k",
            history.map(({ payload }) => payload),
            c,
          );
        } else {
          await driver.forget("k", c);
          history = [];
        }
        break;
      case 10:
        if (chooser.choose(4) > 0) break;
        await driver.trim("k", index, c);
        history = index === 0 ? [] : history.slice(-index);
        break;
      case 11:
        if (chooser.choose(3) > 0) break;
        service.clock += pick(6_000, 6_000, 11_000, day);
        if (ttlMs !== undefined && service.clock >= written + ttlMs) history = [];
        passed = true;
        if (chooser.choose(2) === 0) await driver.purge(patient);
        break;
      case 12:
        await driver.purge(patient);
        break;
      default: {
        const limit = 1 + chooser.choose(4);
        const place = places[chooser.choose(places.length + 2)];
        const ends = place === undefined ? [history.length] : endsOf(place, history);
        count.pages++;
        if (place !== undefined) count.kept++;
        const page = await driver.readPage("k", limit, place?.text, patient).catch((error: unknown) => {
          if (!isChatStoreError(error, "CONFLICT")) throw error;
          return undefined;
        });
        if (page === undefined || ends.length === 0) {
          count.conflicts++;
          same({ page, ends }, { page: undefined, ends: [] }, "conflict");
          break;
        }
        const pagesThere = ends.map((end) => history.slice(Math.max(0, end - limit), end));
        const given = pagesThere.findIndex(
          (there) => page.payloads.join() === there.map(({ payload }) => payload).join(),
        );
        if (given < 0) same(page.payloads, pagesThere, "page");
        const start = Math.max(0, (ends[given] ?? 0) - limit);
        const [older, first] = [history[start - 1], history[start]];
        same(page.before === undefined, start === 0, "first page");
        if (page.before !== undefined && older && first) places.push({ text: page.before, first, older });
      }
    }
    if (!passed && history.map(({ payload }) => payload).join() !== before) written = service.clock;
    // Not always, since a reader makes an expiry a fact.
    if (chooser.choose(3) > 0) continue;
    same(
      await driver.readOldest("k", 2, patient),
      history.slice(0, 2).map(({ payload }) => payload),
      "oldest",
    );
    same(await driver.count("k", patient), history.length, "count");
  }
  return count;
}

/** Where the page before a place may end: right before the one message or right behind the other, as far as they are there. */
function endsOf({ first, older }: Place, history: readonly Message[]): number[] {
  const [at, behind] = [history.indexOf(first), history.indexOf(older)];
  return [...(at >= 0 ? [at] : []), ...(behind >= 0 ? [behind + 1] : [])];
}

function same(given: unknown, expected: unknown, what: string): void {
  if (isDeepStrictEqual(given, expected)) return;
  throw new Error(`another answer (${what}): ${JSON.stringify(given)} for ${JSON.stringify(expected)}`);
}
