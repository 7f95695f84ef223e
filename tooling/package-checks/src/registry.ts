import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CACHE, fetchOnce, LOOPBACK, type OwnServer, run, startServer } from "@chatkeep/test-servers";

/** A version that runs on Node 20. */
const verdaccio = "verdaccio@6.2.0";

/** A registry on this machine: what is published to it is there, and everything else comes from the one that npm uses. */
export async function startRegistry(): Promise<OwnServer> {
  const folder = join(CACHE, verdaccio);
  await fetchOnce(folder, async (draft) => {
    // It asks for node-fetch by a tag, which not every mirror of npm's registry has.
    await writeFile(join(draft, "package.json"), JSON.stringify({ overrides: { "node-fetch": "2.7.0" } }));
    await run("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", draft, verdaccio]);
  });
  const uplink = (await run("npm", ["config", "get", "registry"])).trim();
  return startServer({
    name: "verdaccio",
    async prepare({ directory }) {
      await writeFile(
        join(directory, "config.yaml"),
        `storage: ${directory}/storage
auth: { htpasswd: { file: ${directory}/users } }
uplinks: { npm: { url: ${JSON.stringify(uplink)} } }
packages:
  "@chatkeep/*": { access: $all, publish: $all }
  "**": { access: $all, proxy: npm }
log: { type: stdout, format: pretty, level: warn }
`,
      );
    },
    command: ({ ports: [port], directory }) => ({
      file: join(folder, "node_modules/.bin/verdaccio"),
      args: ["--config", join(directory, "config.yaml"), "--listen", `${LOOPBACK}:${port}`],
    }),
    ready: async ({ ports: [port] }) => (await fetch(`http://${LOOPBACK}:${port}/-/ping`)).ok,
    readySeconds: 120,
    url: (port) => `http://${LOOPBACK}:${port}/`,
  });
}
