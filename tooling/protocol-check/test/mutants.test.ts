import { expect, it } from "vitest";
import { convict } from "../src/convict.js";
import { mutants } from "../src/mutants.js";

it.each(mutants.map((mutant) => [mutant.name, mutant] as const))("is seen: %s", async (_name, mutant) => {
  const { histories, names, report } = await convict(mutant);
  expect(histories, `${names.join(", ")}\n${report}`).toBeDefined();
});
