import { HeadDriver } from "@chatkeep/chat-store-core/backend";
import { expect, it } from "vitest";
import { everyWay } from "../src/every-way.js";
import { smallPrograms } from "../src/small-programs.js";

it.each(Object.entries(smallPrograms))(
  "finds nothing wrong in any way in which it can go: %s",
  async (_name, program) => {
    const { ways, complete, report } = await everyWay(program, { HeadDriver, watch: true, most: 20_000 });
    expect(report).toBe("");
    expect(complete).toBe(true);
    expect(ways).toBeGreaterThan(150);
  },
);
