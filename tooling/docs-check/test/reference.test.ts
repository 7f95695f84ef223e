import { expect, it } from "vitest";
import { readReference } from "../src/reference.js";

it("the reference of all packages has whatever they use, and no broken link", async () => {
  const { project, warnings } = await readReference();
  expect(warnings).toEqual([]);
  expect(project.children?.length).toBeGreaterThan(8);
});
