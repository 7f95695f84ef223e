import { HeadDriver } from "@chatkeep/chat-store-core/backend";
import { expect, it } from "vitest";
import { countingPort } from "../src/counting-port.js";
import { Service } from "../src/service.js";
import { patient } from "../src/service-port.js";

let ids = 0;
const c = () => ({
  ...patient,
  mayBeApplied: false,
  operation: { id: `own${String(++ids).padStart(17, "0")}`, fingerprint: "x", fromCaller: false },
});
const large = "l".repeat(5_000);
const many = Array.from({ length: 200 }, (_, i) => `many ${i}`);

const operations: Record<string, (driver: HeadDriver) => Promise<unknown>> = {
  append: (driver) => driver.append("k", ["a"], c()),
  "append of 3": (driver) => driver.append("k", ["a", "b", "c"], c()),
  "append, large": (driver) => driver.append("k", [large], c()),
  pop: (driver) => driver.pop("k", c()),
  delete: (driver) => driver.remove("k", 50, c()),
  insert: (driver) => driver.insert("k", 50, "i", c()),
  edit: (driver) => driver.edit("k", 50, "e", c()),
  trim: (driver) => driver.trim("k", 80, c()),
  replace: (driver) => driver.replace("k", ["r"], c()),
  "replace, large": (driver) => driver.replace("k", many, c()),
  forget: (driver) => driver.forget("k", c()),
  "pop of nothing": (driver) => driver.pop("none", c()),
  count: (driver) => driver.count("k", patient),
  "newest message": (driver) => driver.readPage("k", 1, undefined, patient),
  "newest page": (driver) => driver.readPage("k", 10, undefined, patient),
  "oldest page": (driver) => driver.readOldest("k", 10, patient),
  all: (driver) => driver.readAll("k", patient),
};

/** What a port is asked for by an operation on a conversation of `length` messages; what follows the swap is behind the caller's back. */
async function requests(name: string, rowsWithHead: number, warm: boolean, length = 100): Promise<string> {
  const service = new Service();
  const limits = { rowBytes: 100_000, inlineBytes: 4_000, rowsWithHead };
  const { port, calls } = countingPort(service, { limits, now: () => service.clock });
  const writer = new HeadDriver(port);
  for (let i = 0; i < length; i++) {
    await writer.append("k", [`m${i}`], c());
    await writer.settled();
  }
  const driver = warm ? writer : new HeadDriver(port);
  calls.length = 0;
  await operations[name]?.(driver);
  await driver.settled();
  return calls.join(" ").replace("casHead ", "casHead | ");
}

// What docs/head-protocol.md says.
const tail = {
  append: ["casHead | putRows(1)", "readHead casHead | putRows(2)"],
  "append of 3": ["casHead | putRows(3)", "readHead casHead | putRows(4)"],
  "append, large": ["putRows(1) casHead", "readHead putRows(1) casHead | putRows(1)"],
  pop: ["casHead | deleteRows", "readHead casHead | deleteRows"],
  delete: ["readRows casHead | deleteRows", "readHead readRows casHead | putRows(1) deleteRows"],
  insert: ["casHead | putRows(1)", "readHead casHead | putRows(2)"],
  edit: ["readRows casHead | putRows(1) deleteRows", "readHead readRows casHead | putRows(2) deleteRows"],
  trim: ["casHead | deleteRows", "readHead casHead | putRows(1) deleteRows"],
  replace: ["casHead | putRows(1) deleteRows", "readHead casHead | putRows(1) deleteRows"],
  "replace, large": ["putRows(200) casHead | deleteRows", "readHead putRows(200) casHead | deleteRows"],
  forget: ["casHead | deleteRows", "readHead casHead | deleteRows"],
  "pop of nothing": ["readHead", "readHead"],
  count: ["readHead", "readHead"],
  "newest message": ["readHead", "readHead"],
  "newest page": ["readHead readRows", "readHead readRows"],
  "oldest page": ["readHead readRows", "readHead readRows"],
  all: ["readHead readRows", "readHead readRows"],
};
const withHead: Partial<typeof tail> = {
  append: ["casHead", "readHead casHead"],
  "append of 3": ["casHead", "readHead casHead"],
  "append, large": ["putRows(1) casHead", "readHead putRows(1) casHead"],
  pop: ["readRows casHead | deleteRows", "readHead readRows casHead | deleteRows"],
  delete: ["readRows casHead | deleteRows", "readHead readRows casHead | deleteRows"],
  insert: ["casHead", "readHead casHead"],
  edit: ["readRows casHead | deleteRows", "readHead readRows casHead | deleteRows"],
  trim: ["casHead | deleteRows", "readHead casHead | deleteRows"],
  replace: ["casHead | deleteRows", "readHead casHead | deleteRows"],
  "newest message": ["readHead readRows", "readHead readRows"],
};

it.each(Object.entries(tail))(
  "asks a service that has the tail for no more than it must: %s",
  async (name, [warm, cold]) => {
    expect(await requests(name, 0, true)).toBe(warm);
    expect(await requests(name, 0, false)).toBe(cold);
  },
);

it.each(Object.entries({ ...tail, ...withHead }))(
  "asks a service that writes rows with the head for no more than it must: %s",
  async (name, [warm, cold]) => {
    expect(await requests(name, 100, true)).toBe(warm);
    expect(await requests(name, 100, false)).toBe(cold);
  },
);

it("asks for the newest page once where a service has it with the head", async () => {
  const service = new Service();
  const limits = { rowBytes: 100_000, inlineBytes: 4_000, rowsWithHead: 0 };
  const { port, calls } = countingPort(service, { limits, now: () => service.clock, newestWithHead: true });
  const driver = new HeadDriver(port);
  for (let i = 0; i < 100; i++) await driver.append("k", [`m${i}`], c());
  await driver.settled();
  calls.length = 0;
  expect((await driver.readPage("k", 10, undefined, patient)).payloads).toHaveLength(10);
  expect(calls).toEqual(["readNewest"]);
});

it("asks for the same whatever the length of the history", async () => {
  for (const name of ["append", "pop", "count", "newest page", "insert", "delete"]) {
    expect(await requests(name, 0, true, 2_000)).toBe(await requests(name, 0, true, 100));
  }
});

it("writes each row once when appends follow each other faster than rows are written", async () => {
  const service = new Service();
  const { port, calls } = countingPort(service, {
    limits: { rowBytes: 100_000, inlineBytes: 4_000, rowsWithHead: 0 },
    now: () => service.clock,
    wait: (method) => later(method === "putRows" ? 7 : 3),
  });
  const driver = new HeadDriver(port);
  for (let i = 0; i < 100; i++) await driver.append("k", [`m${i}`], c());
  await driver.settled();
  const written = calls.reduce((sum, call) => sum + Number(/putRows\((\d+)\)/.exec(call)?.[1] ?? 0), 0);
  expect(written).toBe(100);
  expect(calls.filter((call) => call === "casHead")).toHaveLength(100);
  expect(calls.filter((call) => call === "readHead")).toHaveLength(1);
});

async function later(turns: number): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

it("keeps the head small under edits and inserts everywhere", async () => {
  const service = new Service();
  const limits = { rowBytes: 100_000, inlineBytes: 4_000, rowsWithHead: 0 };
  const { port } = countingPort(service, { limits, now: () => service.clock });
  const driver = new HeadDriver(port);
  await driver.append("k", many, c());
  let most = 0;
  for (let i = 0; i < 400; i++) {
    await driver.insert("k", (i * 37) % 200, `i${i}`, c());
    const head = service.heads.get("k");
    most = Math.max(most, head === undefined ? 0 : service.textOf(head).pieces.length);
  }
  await driver.settled();
  // Two more than the most that a mutation begins with.
  expect(most).toBeLessThanOrEqual(162);
  expect(await driver.count("k", patient)).toBe(600);
});

it("goes on when others have written more than is remembered since", async () => {
  const service = new Service();
  const limits = { rowBytes: 100_000, inlineBytes: 4_000, rowsWithHead: 0 };
  const now = () => service.clock;
  const [idle, busy] = [0, 1].map(
    () => new HeadDriver(countingPort(service, { limits, now }).port, { pause: async () => {} }),
  );
  await idle?.append("k", ["first"], c());
  for (let i = 0; i < 50; i++) await busy?.append("k", [`m${i}`], c());
  await idle?.append("k", ["last"], c());
  expect(await idle?.count("k", patient)).toBe(52);
});
