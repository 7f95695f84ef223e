import { HeadDriver } from "@chatkeep/chat-store-core/backend";
import { expect, it } from "vitest";
import { Service } from "../src/service.js";
import { patient, ServicePort } from "../src/service-port.js";

const write = (id: number) => ({
  ...patient,
  mayBeApplied: false,
  operation: { id: `own${String(id).padStart(17, "0")}`, fingerprint: "x", fromCaller: false },
});

it("a row that somebody else has removed is told of by the position of its message, by whatever reads it", async () => {
  const service = new Service();
  const limits = { rowBytes: 100_000, inlineBytes: 4_000, rowsWithHead: 9 };
  const driver = new HeadDriver(
    new ServicePort(async (_, apply) => apply(service), { limits, now: () => service.clock }),
  );
  for (let i = 0; i < 6; i++) await driver.append("k", [`m${i}`], write(i));
  const fourth = service.rowsOf("k").find(({ body }) => body === "m3");
  service.delete("k", fourth!);

  const lost = expect.objectContaining({ code: "CORRUPT_MESSAGE", message: expect.stringContaining("Message 3 of") });
  await expect(driver.readAll("k", patient)).rejects.toEqual(lost);
  await expect(driver.readPage("k", 4, undefined, patient)).rejects.toEqual(lost);
  await expect(driver.readOldest("k", 4, patient)).rejects.toEqual(lost);
  await expect(driver.remove("k", 3, write(6))).rejects.toEqual(lost);
  expect(await driver.readPage("k", 2, undefined, patient)).toMatchObject({ payloads: ["m4", "m5"] });
});
