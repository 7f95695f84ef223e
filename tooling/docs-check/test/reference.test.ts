import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readReference } from "../src/reference.js";

it("the reference documents all that the packages export, and can be written", async () => {
  const { app, project, warnings } = await readReference();
  const folder = await mkdtemp(join(tmpdir(), "chatkeep-reference-"));
  try {
    await app.generateDocs(project, folder);
    expect(existsSync(join(folder, "classes", "core_src.SimpleChatStore.html"))).toBe(true);
  } finally {
    await rm(folder, { recursive: true });
  }
  expect(warnings).toEqual([]);
});
