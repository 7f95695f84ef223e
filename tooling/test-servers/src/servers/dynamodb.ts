import { lstat, mkdir, readdir, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { delimiter, dirname, join, relative } from "node:path";
import { hasApt, libraryPath, unpackDebian } from "../debian.js";
import { CACHE, exists, fetchOnce } from "../fetch-once.js";
import { LOOPBACK } from "../ports.js";
import { findProgram, run } from "../run.js";
import { type OwnServer, type ServerInfo, startServer } from "../server.js";
import { type Finding, type ServerKind, ServerMissing } from "../server-kind.js";

/** java and the environment it needs to run. */
export interface JavaProgram {
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface DynamoDBOptions {
  /** On disk, so that an acknowledged write survives SIGKILL. In memory by default. */
  readonly durable?: boolean;
}

const FETCHED = join(CACHE, "java");
const HOW = "install a Java runtime, 11 or newer (apt-get install default-jre-headless), or set DYNAMODB_URL";

async function installed(): Promise<JavaProgram | undefined> {
  const file = await findProgram("java");
  if (file === undefined) return undefined;
  // macOS has a `java` that only says where to get one.
  const works = await run(file, ["-version"]).then(
    () => true,
    () => false,
  );
  return works ? { file, env: {} } : undefined;
}

async function unpacked(directory: string): Promise<JavaProgram> {
  const folder = join(directory, "usr/lib/jvm");
  for (const name of await readdir(folder)) {
    const file = join(folder, name, "bin/java");
    if (await exists(file)) return { file, env: { LD_LIBRARY_PATH: await libraryPath(directory) } };
  }
  throw new Error("Debian's package has no bin/java");
}

/** Debian keeps Java's settings in /etc, to which links lead. Makes those lead to what was unpacked. */
async function relink(folder: string, root: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const status = await lstat(path);
    if (status.isDirectory()) await relink(path, root);
    if (!status.isSymbolicLink()) continue;
    const target = await readlink(path);
    if (!target.startsWith("/etc/")) continue;
    await rm(path);
    await symlink(relative(dirname(path), join(root, target)), path);
  }
}

/** java from PATH, or fetched from Debian's packages into `.cache/java`. Rejects with `ServerMissing`. */
export async function javaProgram(): Promise<JavaProgram> {
  const found = await installed();
  if (found !== undefined) return found;
  const { own } = await dynamodb.find();
  if (!own.possible) throw new ServerMissing(dynamodb.name, own.why, own.how);
  try {
    await fetchOnce(FETCHED, async (draft) => {
      await unpackDebian(["default-jre-headless"], draft);
      await relink(join(draft, "usr/lib/jvm"), draft);
      const { file, env } = await unpacked(draft);
      await run(file, ["-version"], { env });
    });
  } catch (error) {
    throw new ServerMissing(dynamodb.name, error instanceof Error ? error.message : String(error), HOW);
  }
  return unpacked(FETCHED);
}

/** Where npm put DynamoDB Local. Of the package that carries it nothing else is used. */
function emulator(): string {
  const manifest = createRequire(import.meta.url).resolve("amplify-dynamodb-simulator/package.json");
  return join(dirname(manifest), "emulator");
}

const text = (value: string) => value.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/**
 * What DynamoDB Local's own `main` does, for Jetty's. That one listens on all interfaces and has no option for it; here the
 * connector is given its host. It also leaves out what sends telemetry.
 */
function configuration(port: number, folder: string | undefined): string {
  const local = "com.amazonaws.services.dynamodbv2.local.server";
  return `<?xml version="1.0"?>
<!DOCTYPE Configure PUBLIC "-//Jetty//Configure//EN" "http://www.eclipse.org/jetty/configure_9_3.dtd">
<Configure id="Server" class="org.eclipse.jetty.server.Server">
  <Call name="addConnector"><Arg>
    <New class="org.eclipse.jetty.server.ServerConnector">
      <Arg name="server"><Ref refid="Server"/></Arg>
      <Set name="host">${LOOPBACK}</Set>
      <Set name="port">${port}</Set>
    </New>
  </Arg></Call>
  <Set name="handler">
    <New class="${local}.LocalDynamoDBServerHandler">
      <Arg><New class="${local}.LocalDynamoDBRequestHandler">
        <Arg type="int">0</Arg>
        <Arg type="boolean">${folder === undefined}</Arg>
        <Arg type="java.lang.String">${text(folder ?? "")}</Arg>
        <Arg type="boolean">true</Arg>
        <Arg type="boolean">false</Arg>
      </New></Arg>
      <Arg type="java.lang.String">*</Arg>
    </New>
  </Set>
  <Call name="start"/>
  <Get class="java.lang.System" name="out"><Call name="println"><Arg type="java.lang.String">DynamoDB Local is ready</Arg></Call></Get>
</Configure>
`;
}

/**
 * A DynamoDB Local of the test's own (1.25.1, AWS's own emulator), on a free port of loopback. Any credentials and any
 * region give the same data. It never throttles, never answers TransactionConflict or UnprocessedItems, and does not
 * delete what has expired.
 */
export async function startDynamoDB(options: DynamoDBOptions = {}): Promise<OwnServer> {
  const java = await javaProgram();
  const folder = emulator();
  const libraries = join(folder, "DynamoDBLocal_lib");
  return startServer({
    name: "dynamodb",
    async prepare({ ports: [port = 0], directory }) {
      const data = join(directory, "data");
      await mkdir(data);
      await writeFile(join(directory, "server.xml"), configuration(port, options.durable === true ? data : undefined));
    },
    command: ({ directory }) => ({
      file: java.file,
      env: { ...java.env, DDB_LOCAL_TELEMETRY: "0" },
      args: [
        "-Xmx512m",
        // Tests are over before the second compiler would pay.
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        `-Djava.library.path=${libraries}`,
        "-cp",
        [join(folder, "DynamoDBLocal.jar"), join(libraries, "*")].join(delimiter),
        "org.eclipse.jetty.xml.XmlConfiguration",
        join(directory, "server.xml"),
      ],
    }),
    ready: (_, output) => output.includes("DynamoDB Local is ready"),
    // A JVM on a machine with all cores busy.
    readySeconds: 90,
    portTaken: (output) => /BindException|Failed to bind/.test(output),
    url: (port) => `http://${LOOPBACK}:${port}`,
  });
}

export const dynamodb: ServerKind = {
  name: "dynamodb",
  variable: "DYNAMODB_URL",

  async find(): Promise<Finding> {
    const url = process.env.DYNAMODB_URL;
    const given = url === undefined || url === "" ? {} : { given: url };
    const found = await installed();
    if (found !== undefined) return { ...given, own: { possible: true, from: found.file } };
    if (await exists(FETCHED)) return { ...given, own: { possible: true, from: FETCHED } };
    if (await hasApt()) return { ...given, own: { possible: true, from: "Debian's packages" } };
    return { ...given, own: { possible: false, why: "no java on PATH, and no apt-get to fetch it", how: HOW } };
  },

  async use(url): Promise<ServerInfo> {
    let parsed: URL;
    try {
      parsed = new URL(url);
    } catch {
      throw new Error("DYNAMODB_URL is not a URL");
    }
    // It answers 400 to what is not signed; that it answers is enough.
    await fetch(parsed, { signal: AbortSignal.timeout(10_000) }).catch(() => {
      throw new Error(`DYNAMODB_URL is set, but nothing answers at ${parsed.host}`);
    });
    const port = Number(parsed.port || (parsed.protocol === "https:" ? 443 : 80));
    return { name: "dynamodb", host: parsed.hostname, port, url: parsed.origin, managed: false };
  },

  start: () => startDynamoDB(),
};
