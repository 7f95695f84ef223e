import { expect, it } from "vitest";
import { azureMutants } from "../src/azure-mutants.js";
import { convict } from "../src/convict.js";
import { documentMutants } from "../src/document-mutants.js";
import { headMutants } from "../src/mutants.js";

it.each([
  ...headMutants.map((mutant) => ({ protocol: "head" as const, mutant })),
  ...documentMutants.map((mutant) => ({ protocol: "document" as const, mutant })),
  ...azureMutants.map((mutant) => ({ protocol: "azure-llamaindex" as const, mutant })),
])("is seen: $protocol, $mutant.name", async ({ protocol, mutant }) => {
  const { histories, names, report } = await convict(protocol, mutant);
  expect(histories, `${names.join(", ")}\n${report}`).toBeDefined();
});
