import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { documents, root, textOf } from "../src/blocks.js";

const shape = [
  "Install",
  "Quick start",
  "Options",
  "Guarantees and their limits",
  "Cost",
  "Layouts",
  "Permissions",
  "Troubleshooting",
  "What is not verified",
];

function headings(document: string, level: "##" | "###"): string[] {
  const prose = textOf(document).replace(/^```.*?^```$/gms, "");
  return [...prose.matchAll(new RegExp(`^${level} (.*)$`, "gm"))].map(([, heading = ""]) => heading);
}

/** Links to other files of the repository, without their fragments. */
function links(document: string): string[] {
  const prose = textOf(document).replace(/^ *```.*?^ *```$/gms, "");
  return [...prose.matchAll(/\]\((?!\w+:)([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, path = ""]) => path);
}

describe("READMEs", () => {
  it.each(documents().filter((path) => path.startsWith("packages/store-")))(
    "%s has the shape of all stores'",
    (path) => {
      expect(headings(path, "##")).toEqual(shape);
      expect(headings(path, "###")).toEqual(
        expect.arrayContaining(['The layout "chatkeep"', 'The layout "llamaindex"', "Expiry and erasing"]),
      );
    },
  );

  it("core's has the same headings in the same order, among its own", () => {
    expect(headings("packages/core/README.md", "##").filter((heading) => shape.includes(heading))).toEqual(shape);
  });
});

describe("links", () => {
  it.each(documents())("of %s lead somewhere", (path) => {
    for (const link of links(path)) expect(existsSync(join(root, dirname(path), link)), link).toBe(true);
  });

  it("the root README lists every page of docs", () => {
    const pages = documents().filter((path) => path.startsWith("docs/"));
    expect(links("README.md")).toEqual(expect.arrayContaining(pages));
  });
});
