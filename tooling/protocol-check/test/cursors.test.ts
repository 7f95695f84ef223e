import { HeadDriver } from "@chatkeep/chat-store-core/backend";
import { expect, it } from "vitest";
import { takeTurns } from "../src/taking-turns.js";

it("gives exactly the messages older than a page, or says that the place is gone", async () => {
  const total = { pages: 0, kept: 0, conflicts: 0 };
  for (let seed = 1; seed <= 400; seed++) {
    const { pages, kept, conflicts } = await takeTurns(seed, HeadDriver).catch((error: unknown) => {
      throw new Error(`seed ${seed}`, { cause: error });
    });
    total.pages += pages;
    total.kept += kept;
    total.conflicts += conflicts;
  }
  expect(total.kept).toBeGreaterThan(1_000);
  expect(total.conflicts).toBeGreaterThan(100);
});
