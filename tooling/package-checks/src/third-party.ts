import { existsSync, readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { publicPackages, readManifest } from "./packages.js";

/** The list that is checked in. */
export const thirdPartyFile = fileURLToPath(new URL("../../../THIRD-PARTY.md", import.meta.url));

interface Dependency {
  name: string;
  license: string;
  /** Folders of our packages that bring it, directly or not. */
  broughtBy: string[];
}

/** What an installed package says its license is. */
interface Licensed {
  license?: string | { type: string };
  licenses?: readonly { type: string }[];
  dependencies?: Record<string, string>;
}

/** Everything that the published packages bring along, as it is installed here. */
export function thirdParty(): Dependency[] {
  const found = new Map<string, Dependency>();
  for (const { folder } of publicPackages()) {
    const by = basename(folder);
    const seen = new Set<string>();
    const visit = (name: string, from: string) => {
      const path = installed(name, from);
      if (seen.has(path)) return;
      seen.add(path);
      const manifest = JSON.parse(readFileSync(join(path, "package.json"), "utf8")) as Licensed;
      if (!name.startsWith("@chatkeep/")) {
        const license = licenseOf(manifest, path);
        const known = found.get(name) ?? { name, license, broughtBy: [] };
        if (!known.broughtBy.includes(by)) known.broughtBy.push(by);
        found.set(name, known);
      }
      for (const each of Object.keys(manifest.dependencies ?? {})) visit(each, path);
    };
    for (const name of Object.keys(readManifest(folder).dependencies ?? {})) visit(name, folder);
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Where Node finds a package from another's folder. */
function installed(name: string, from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    const path = join(folder, "node_modules", name);
    if (existsSync(path)) return realpathSync(path);
    if (folder === dirname(folder)) throw new Error(`${name} is not installed, which ${from} asks for.`);
  }
}

function licenseOf({ license, licenses = [] }: Licensed, folder: string): string {
  if (typeof license === "string") {
    const [, file] = /^SEE LICENSE IN (.+)$/.exec(license) ?? [];
    const text = file === undefined ? "" : readFileSync(join(folder, file), "utf8");
    return /^\s*Apache License\s+Version 2\.0/.test(text) ? "Apache-2.0" : license;
  }
  return license?.type ?? licenses.map(({ type }) => type).join(" OR ");
}

export function thirdPartyText(): string {
  const rows = thirdParty().map(
    ({ name, license, broughtBy }) => `| \`${name}\` | ${license} | ${broughtBy.join(", ")} |`,
  );
  return `# Third-party packages

What the packages bring along when they are installed, directly or by way of others, and under which license. Nothing of it
is inside of our packages. Written by \`npx pnpm third-party\`.

| package | license | brought by |
| --- | --- | --- |
${rows.join("\n")}
`;
}
