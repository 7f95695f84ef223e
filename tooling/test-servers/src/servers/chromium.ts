import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hasApt, libraryPath, unpackDebian } from "../debian.js";
import { CACHE, exists, fetchOnce } from "../fetch-once.js";
import { LOOPBACK } from "../ports.js";
import { findProgram, run } from "../run.js";
import { answers, type OwnServer, type ServerInfo, startServer } from "../server.js";
import { type Finding, type ServerKind, ServerMissing } from "../server-kind.js";

interface Program {
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
}

const FETCHED = join(CACHE, "chromium");
const HOW = "install chromium (apt-get install chromium-headless-shell), or set CHROMIUM_URL";
const NAMES = ["chromium-headless-shell", "chromium", "google-chrome"];

async function installed(): Promise<Program | undefined> {
  for (const name of NAMES) {
    const file = await findProgram(name);
    if (file !== undefined) return { file, env: {} };
  }
  return undefined;
}

/** Where the fonts are, in a package that looks for them in /usr/share. */
const fontConfiguration = (directory: string) => `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <dir>${directory}/usr/share/fonts</dir>
  <cachedir>${directory}/var/cache/fontconfig</cachedir>
</fontconfig>
`;

async function unpacked(directory: string): Promise<Program> {
  const libraries = await libraryPath(directory);
  // libpulse finds a library of its own there by an absolute path.
  const pulse = libraries.split(":").map((folder) => join(folder, "pulseaudio"));
  return {
    file: join(directory, "usr/lib/chromium/chromium-headless-shell"),
    env: { LD_LIBRARY_PATH: [libraries, ...pulse].join(":"), FONTCONFIG_FILE: join(directory, "fonts.conf") },
  };
}

/** Chromium from PATH, or its headless shell fetched from Debian's packages into `.cache/chromium`. */
async function chromiumProgram(): Promise<Program> {
  const found = await installed();
  if (found !== undefined) return found;
  const { own } = await chromium.find();
  if (!own.possible) throw new ServerMissing(chromium.name, own.why, own.how);
  try {
    await fetchOnce(FETCHED, async (draft) => {
      await unpackDebian(["chromium-headless-shell", "fonts-dejavu-core"], draft);
      await writeFile(join(draft, "fonts.conf"), fontConfiguration(FETCHED));
      const { file, env } = await unpacked(draft);
      await run(file, ["--version"], { env });
    });
  } catch (error) {
    throw new ServerMissing(chromium.name, error instanceof Error ? error.message : String(error), HOW);
  }
  return unpacked(FETCHED);
}

/**
 * A headless Chromium of the test's own. `url` is the address of its DevTools, for `chromium.connectOverCDP(url)` of
 * playwright-core. Every test takes a context of its own from it.
 */
export async function startChromium(): Promise<OwnServer> {
  const program = await chromiumProgram();
  return startServer({
    name: "chromium",
    command: ({ ports: [port = 0], directory }) => ({
      ...program,
      args: [
        "--headless",
        `--remote-debugging-address=${LOOPBACK}`,
        `--remote-debugging-port=${port}`,
        `--user-data-dir=${join(directory, "profile")}`,
        "--disable-gpu",
        "--no-first-run",
        // It asks home and looks for updates otherwise.
        "--disable-background-networking",
        "--disable-component-update",
        // /dev/shm is small in containers.
        "--disable-dev-shm-usage",
        // Its sandbox does not run as root, nor where user namespaces are forbidden. It opens the tests' own pages only.
        "--no-sandbox",
      ],
    }),
    ready: (_, output) => output.includes("DevTools listening on ws://"),
    readySeconds: 60,
    portTaken: (output) => output.includes("Cannot start http server for devtools"),
    url: (port) => `http://${LOOPBACK}:${port}`,
  });
}

export const chromium: ServerKind = {
  name: "chromium",
  variable: "CHROMIUM_URL",

  async find(): Promise<Finding> {
    const url = process.env.CHROMIUM_URL;
    const given = url === undefined || url === "" ? {} : { given: url };
    const found = await installed();
    if (found !== undefined) return { ...given, own: { possible: true, from: found.file } };
    if (await exists(FETCHED)) return { ...given, own: { possible: true, from: FETCHED } };
    if (await hasApt()) return { ...given, own: { possible: true, from: "Debian's packages" } };
    return { ...given, own: { possible: false, why: "no chromium on PATH, and no apt-get to fetch it", how: HOW } };
  },

  async use(url): Promise<ServerInfo> {
    const { hostname: host, port } = new URL(url);
    await answers(host, Number(port));
    return { name: "chromium", host, port: Number(port), url, managed: false };
  },

  start: startChromium,
};
