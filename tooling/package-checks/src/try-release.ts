// Tries a release, as the workflow does it, on a registry of its own: publishes all packages from a scratch clone, installs
// them in a fresh project with npm and with pnpm, and runs the first examples of the README and of one store there.
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { serverKinds } from "@chatkeep/test-servers";
import { publicPackages, readManifest, run, runWith, temporaryFolder, workspaceBin } from "./packages.js";
import { remove, runIn } from "./projects.js";
import { moved, readmeExample } from "./readme-example.js";
import { startRegistry } from "./registry.js";
import { folders, ScratchClone } from "./scratch-clone.js";
import { storeServers } from "./store-servers.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const core = "@chatkeep/chat-store-core";
const store = publicPackages().find(({ folder }) => folder.endsWith("store-redis"));
const found = storeServers["store-redis"];
assert(store && found);

const registry = await startRegistry();
const server = await serverKinds[found.server].start();
const clone = await ScratchClone.make();
const home = await temporaryFolder();
try {
  await clone.install();
  for (const each of folders)
    await run(root, "cp", "-r", `packages/${each}/dist`, join(clone.folder, "packages", each));

  // Nothing may ever go to the registry of all the world from here: each package names this one itself, and no other
  // user's settings are read.
  for (const each of folders) {
    const path = join(clone.folder, "packages", each, "package.json");
    const manifest = { ...readManifest(dirname(path)), publishConfig: { access: "public", registry: registry.url } };
    await writeFile(path, JSON.stringify(manifest, null, 2));
  }
  const npmrc = join(home, "npmrc");
  await writeFile(npmrc, `registry=${registry.url}\n${registry.url.replace(/^http:/, "")}:_authToken=anybody\n`);
  const variables = {
    NPM_CONFIG_USERCONFIG: npmrc,
    npm_config_registry: registry.url,
    NPM_CONFIG_CACHE: join(home, "cache"),
    GITHUB_REPOSITORY: "somebody/chatkeep",
    PATH: [dirname(workspaceBin("changeset")), process.env.PATH].join(delimiter),
  };
  const publish = () => runWith(variables, clone.folder, process.execPath, "tooling/scripts/publish.mjs");
  await publish();
  for (const [name, version] of Object.entries(clone.versions())) {
    const published = await runWith(variables, home, "npm", "view", `${name}@${version}`, "--json");
    const { repository, dependencies = {} } = JSON.parse(published) as {
      repository: { url: string };
      dependencies?: Record<string, string>;
    };
    assert.equal(repository.url, "git+https://github.com/somebody/chatkeep.git");
    if (name !== core) assert.equal(dependencies[core], `^${clone.versions()[core]}`);
    console.log(`published ${name} ${version}`);
  }
  assert.doesNotMatch(await publish(), /is being published/);

  const examples = [
    { file: "quick-start.mjs", program: await readmeExample(root), variables: {} },
    {
      file: "store.mjs",
      program: moved(await readmeExample(store.folder), found.place(server)),
      variables: found.place(server).variables ?? {},
    },
  ];
  for (const [title, program, ...install] of [
    ["npm", "npm", "install", "--no-audit", "--no-fund"],
    ["pnpm", workspaceBin("pnpm"), "add"],
  ] as const) {
    const project = join(home, title);
    await mkdir(project);
    await writeFile(join(project, "package.json"), JSON.stringify({ name: "user", private: true }));
    await runWith(variables, project, program, ...install, core, store.name);
    assert.equal(readManifest(join(project, "node_modules", store.name)).version, clone.versions()[store.name]);
    for (const { file, program, variables } of examples) {
      const text = `${program}\nif (typeof window !== "undefined") console.log(window);`;
      console.log(`${title}, ${file}: ${await runIn(project, file, text, { variables })}`);
    }
  }
} finally {
  await registry.stop();
  await server.stop();
  await clone.remove();
  await remove(home);
}
