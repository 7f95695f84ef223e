import { expect, it } from "vitest";
import { everyWay } from "../src/every-way.js";
import { loadProtocol, protocolNames } from "../src/protocols.js";

const protocols = await Promise.all(protocolNames.map(async (name) => ({ name, protocol: await loadProtocol(name) })));
const programs = protocols.flatMap(({ name, protocol }) =>
  Object.entries(protocol.small).map(([what, program]) => ({ name, what, protocol, program })),
);

it.each(programs)("finds nothing wrong in any way in which it can go: $name, $what", async ({ protocol, program }) => {
  const { ways, complete, report } = await everyWay(protocol, program, { most: 20_000 });
  expect(report).toBe("");
  expect(complete).toBe(true);
  expect(ways).toBeGreaterThan(5);
});
