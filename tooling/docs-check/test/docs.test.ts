import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { blocksOf, documents } from "../src/blocks.js";
import { startModel } from "../src/model.js";
import { linkDependencies } from "../src/packages.js";
import { run } from "../src/run.js";
import { typeErrors } from "../src/types.js";

// Inside of the workspace, so that the blocks find what they import.
const cache = fileURLToPath(new URL("../.cache/", import.meta.url));
mkdirSync(cache, { recursive: true });
const folder = mkdtempSync(join(cache, "blocks-"));
linkDependencies(folder);

const all = documents().flatMap(blocksOf);
const checked = all.filter(({ words }) => !words.includes("no-check"));
const pathOf = ({ file }: { file: string }) => join(folder, file);
for (const block of checked) {
  mkdirSync(dirname(pathOf(block)), { recursive: true });
  writeFileSync(pathOf(block), block.code);
}

const marked = (word: string) =>
  checked
    .filter(({ words }) => words.includes(word))
    .map((block) => [`${block.document}:${block.line}`, block] as const);

afterAll(() => rmSync(folder, { recursive: true }));

describe("code in the documentation", () => {
  it("is hardly ever left unchecked", () => {
    expect(checked.length).toBeGreaterThan(0);
    expect(all.length - checked.length).toBeLessThanOrEqual(2);
    expect(new Set(checked.map(pathOf)).size).toBe(checked.length);
  });

  it("has the types of the packages", () => {
    const shown = typeErrors(checked.map(pathOf)).map(({ file, line, problem }) => {
      const block = checked.find((each) => pathOf(each) === file);
      return `${block?.document ?? file}:${line} ${problem}`;
    });
    expect(shown).toEqual([]);
  });
});

describe("code in the documentation runs", () => {
  let model: Awaited<ReturnType<typeof startModel>>;
  beforeAll(async () => {
    model = await startModel();
  });
  afterAll(() => model.close());

  it.each(marked("run"))("%s", async (_place, block) => {
    const printed = await run(pathOf(block), { OPENAI_BASE_URL: model.url, OPENAI_API_KEY: "none" });
    const expected = [...block.code.matchAll(/\/\/ -> (.*)$/gm)].map(([, line]) => line);
    if (expected.length > 0) expect(printed).toEqual(expected);
  });
});

describe.each(marked("tests"))("tests in the documentation: %s", async (_place, block) => {
  await import(/* @vite-ignore */ pathOf(block));
});
