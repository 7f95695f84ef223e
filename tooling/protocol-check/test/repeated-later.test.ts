import { HeadDriver, type WriteContext } from "@chatkeep/chat-store-core/backend";
import { describe, expect, it } from "vitest";
import { Service } from "../src/service.js";
import { patient, ServicePort } from "../src/service-port.js";

const mutations: Record<string, (driver: HeadDriver, context: WriteContext) => Promise<unknown>> = {
  append: (driver, context) => driver.append("k", ["new"], context),
  insert: (driver, context) => driver.insert("k", 2, "new", context),
  replace: (driver, context) => driver.replace("k", ["new", "newer"], context),
  edit: (driver, context) => driver.edit("k", 2, "new", context),
  remove: (driver, context) => driver.remove("k", 2, context),
  pop: (driver, context) => driver.pop("k", context),
  trim: (driver, context) => driver.trim("k", 3, context),
  forget: (driver, context) => driver.forget("k", context),
};

/** A client of a service: while it is `lossy`, the answers to its swaps of heads are lost. */
function client(service: Service) {
  const net: { lossy: boolean; refused?: () => void } = { lossy: false };
  const limits = { rowBytes: 100_000, inlineBytes: 4_000, rowsWithHead: 0 };
  const port = new ServicePort(async (_, apply) => apply(service), { limits, now: () => service.clock });
  const swap = port.casHead.bind(port);
  port.casHead = async (...head) => {
    const answer = await swap(...head);
    if (!answer.applied) net.refused?.();
    if (net.lossy) throw new Error("no answer");
    return answer;
  };
  return { driver: new HeadDriver(port), net };
}

let operations = 0;

/** A new call; of a caller's operation when it has an id. */
const call = (id?: string): WriteContext => ({
  ...patient,
  mayBeApplied: false,
  operation: { id: id ?? `own ${++operations}`, fingerprint: id ?? "x", fromCaller: id !== undefined },
});

const unknown = { code: "UNAVAILABLE", outcome: "unknown" };

async function conversation() {
  const service = new Service();
  const ours = client(service);
  const others = client(service);
  for (let i = 0; i < 6; i++) await others.driver.append("k", [`m${i}`], call());
  return { ours, others };
}

/** What is there when others have written more than a head remembers. */
async function afterMany(driver: HeadDriver) {
  for (let i = 0; i < 40; i++) await driver.append("k", [`later ${i}`], call());
  return driver.readAll("k", patient);
}

describe("a caller's operation that comes back in another call when others have pushed it out of the head", () => {
  for (const [name, mutate] of Object.entries(mutations)) {
    it(`is not applied again: ${name}, whose answer was lost`, async () => {
      const { ours, others } = await conversation();
      ours.net.lossy = true;
      await expect(mutate(ours.driver, call("id"))).rejects.toThrow("no answer");
      ours.net.lossy = false;
      const before = await afterMany(others.driver);
      for (let i = 0; i < 3; i++) await expect(mutate(ours.driver, call("id"))).rejects.toMatchObject(unknown);
      expect(await others.driver.readAll("k", patient)).toEqual(before);
    });

    it(`is not applied again: ${name}, which was answered`, async () => {
      const { ours, others } = await conversation();
      const answer = await mutate(ours.driver, call("id"));
      const before = await afterMany(others.driver);
      // The head that this client saw last still tells.
      expect(await mutate(ours.driver, call("id"))).toEqual(answer);
      await ours.driver.count("k", patient);
      for (let i = 0; i < 3; i++) await expect(mutate(ours.driver, call("id"))).rejects.toMatchObject(unknown);
      expect(await others.driver.readAll("k", patient)).toEqual(before);
    });
  }

  it("is applied when the service had refused it for good, and nobody sent it again", async () => {
    const { ours, others } = await conversation();
    await ours.driver.count("k", patient);
    await others.driver.append("k", ["other"], call());
    // Ours sends it for a head that is not there any more, and gives up before it sends it for the next.
    const giving = new AbortController();
    const given = ours.driver.append("k", ["new"], { ...call("id"), signal: giving.signal });
    await new Promise<void>((resolve) => {
      ours.net.refused = resolve;
    });
    giving.abort();
    await expect(given).rejects.toMatchObject({ code: "ABORTED" });
    const before = await afterMany(others.driver);
    await ours.driver.append("k", ["new"], call("id"));
    expect(await others.driver.readAll("k", patient)).toEqual([...before, "new"]);
  });
});
