// Publishes what has a new version: run by the release workflow, in the repository that GITHUB_REPOSITORY names.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";

const repository = process.env.GITHUB_REPOSITORY;
if (repository === undefined) throw new Error("GITHUB_REPOSITORY is not set: this is for the release workflow.");

// npm accepts provenance only from packages that name the repository that they were built in.
for (const folder of readdirSync("packages")) {
  const path = `packages/${folder}/package.json`;
  if (!existsSync(path)) continue;
  const manifest = JSON.parse(readFileSync(path, "utf8"));
  const url = `git+https://github.com/${repository}.git`;
  manifest.repository = { type: "git", url, directory: `packages/${folder}` };
  writeFileSync(path, `${JSON.stringify(manifest, null, 2)}\n`);
}
const { status } = spawnSync("changeset", ["publish"], { stdio: "inherit" });
process.exitCode = status ?? 1;
