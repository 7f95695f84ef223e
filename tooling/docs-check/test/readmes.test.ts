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

/** Links within the repository: to which file, and to which heading of it. */
function links(document: string): { path: string; fragment: string }[] {
  const prose = textOf(document).replace(/^ *```.*?^ *```$/gms, "");
  const targets = [...prose.matchAll(/\]\((?!\w+:)([^)#\s]*)#?([^)]*)\)/g)];
  return targets.map(([, target = "", fragment = ""]) => {
    const path = target === "" ? document : join(dirname(document), target);
    const isPackage = existsSync(join(root, path, "README.md"));
    return { path: isPackage ? join(path, "README.md") : path, fragment };
  });
}

/** The name that GitHub gives a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{Letter}\p{Number}\s_-]/gu, "")
    .replaceAll(" ", "-");
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
  it.each(documents())("of %s lead somewhere", (document) => {
    for (const { path, fragment } of links(document)) {
      expect(existsSync(join(root, path)), path).toBe(true);
      if (fragment === "") continue;
      const anchors = [...headings(path, "##"), ...headings(path, "###")].map(anchorOf);
      expect(anchors, `${path}#${fragment}`).toContain(fragment);
    }
  });

  it("the root README lists every page of docs", () => {
    const pages = documents().filter((path) => path.startsWith("docs/"));
    expect(links("README.md").map(({ path }) => path)).toEqual(expect.arrayContaining(pages));
  });
});
