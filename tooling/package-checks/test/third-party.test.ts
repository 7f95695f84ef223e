import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { thirdParty, thirdPartyFile, thirdPartyText } from "../src/third-party.js";

it("all that the packages bring along is listed: `pnpm third-party` writes the list anew", () => {
  expect(readFileSync(thirdPartyFile, "utf8")).toBe(thirdPartyText());
});

it("all of it may be used as freely as the packages themselves", () => {
  const free = /^(?:MIT|MIT-0|ISC|0BSD|Apache-2\.0|BSD-[23]-Clause|Unlicense)$/;
  expect(thirdParty().length).toBeGreaterThan(20);
  expect(thirdParty().filter(({ license }) => !free.test(license))).toEqual([]);
});
