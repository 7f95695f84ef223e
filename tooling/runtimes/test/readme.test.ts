import { expect, it } from "vitest";
import { readResults, tableInReadme, tableOf } from "../src/results.js";

it("the README has the table of the results", () => {
  expect(tableInReadme()).toBe(tableOf(readResults()));
});
