import type { HeadDriver, PortLimits, Tuning } from "@chatkeep/chat-store-core/backend";
import type { Program } from "./program.js";
import type { Protocol } from "./protocol.js";
import { randomHeadProgram } from "./random-program.js";
import { Service } from "./service.js";
import { patient, ServicePort } from "./service-port.js";
import { smallPrograms } from "./small-programs.js";
import type { World } from "./world.js";

export interface HeadProgram extends Program {
  limits: PortLimits;
  sideBySide?: boolean | undefined;
  newestWithHead?: boolean | undefined;
  findsLost?: boolean | undefined;
  tuning: Tuning;
}

export type HeadDriverConstructor = new (...args: ConstructorParameters<typeof HeadDriver>) => HeadDriver;

const month = 30 * 24 * 60 * 60 * 1000;

/** `watch`: whether rows and heads are watched as well, or only what clients are told. */
export function headProtocol(Driver: HeadDriverConstructor, watch: boolean): Protocol<HeadProgram, Service> {
  return {
    service: ({ limits, tuning }) => new Service(watch ? { limits, tuning } : undefined),
    driver({ limits, tuning, sideBySide, newestWithHead, findsLost, ttlMs }, { send, now }) {
      const port = new ServicePort(send, { limits, now, sideBySide, newestWithHead, findsLost });
      return new Driver(port, { ttlMs, tuning, pause: async () => {} });
    },
    /** Long after, when nobody can be at work any more, somebody tidies up. */
    async end({ program, world, keys, alone, readEverything }) {
      if (!watch) return [];
      // Heads tell of all that is left, but not of what a call staged and never showed, nor of what came late.
      const repeats = program.clients.flat().some((step) => "operationId" in step);
      const early = program.callMs !== undefined || program.tuning.keepStagedMs === 0;
      const thorough = program.trouble.faults > 0 || repeats || early;
      // Once for what expires, once for what was left staged, once for the heads.
      for (let times = 0; times < 3; times++) {
        world.passTime(month);
        await alone("purger", async (driver) => void (await driver.purge(patient, { thorough })));
      }
      if (program.ttlMs === undefined) await alone("late", (driver) => readEverything(driver, "late"));
      return [...keys].flatMap((key) => leftBehind(world, key));
    },
    random: randomHeadProgram,
    small: smallPrograms,
  };
}

/** What purging has left although nobody can need it. */
function leftBehind({ service }: World<Service>, key: string): string[] {
  const head = service.heads.get(key);
  if (head?.count === 0) return [`the ended head of ${key} was left behind`];
  const text = head && service.textOf(head);
  return service
    .rowsOf(key)
    .filter(({ source, index }) => text?.names(source, index) !== true)
    .map(({ source, index }) => `row ${source}/${index} of ${key} was left behind`);
}
