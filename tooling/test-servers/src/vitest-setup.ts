import type { TestProject } from "vitest/node";
import type { OwnServer } from "./server.js";
import { ServerMissing } from "./server-kind.js";
import { type ServerName, serverKinds } from "./servers.js";
import type { RunningServer } from "./vitest-servers.js";

interface Started {
  readonly info?: RunningServer;
  readonly server?: OwnServer;
}

/** What the projects of one run share. Each loads this module anew, hence on the global object. */
interface Run {
  readonly started: Map<ServerName, Promise<Started>>;
  readonly notTested: Set<string>;
  projects: number;
}

const RUN = Symbol.for("chatkeep.test-servers.run");
const shared = globalThis as { [RUN]?: Run };

function isCi(): boolean {
  const value = process.env.CI ?? "";
  return value !== "" && value !== "false" && value !== "0";
}

function notTested(run: Run, what: string, why: string, how: string): void {
  const line = `NOT TESTED: ${what}: ${why}. To get it: ${how}`;
  run.notTested.add(line);
  console.error(`\n${line}\n`);
  // The other tests still run and tell what they have to tell.
  if (isCi()) process.exitCode = 1;
}

async function start(run: Run, name: ServerName): Promise<Started> {
  const kind = serverKinds[name];
  if (kind === undefined)
    throw new Error(`no server called ${JSON.stringify(name)}: see tooling/test-servers/README.md`);
  const { given, own } = await kind.find();
  if (given !== undefined) {
    if (!own.possible) notTested(run, `${name}, killed and restarted`, own.why, own.how);
    return { info: { ...(await kind.use(given)), own: own.possible } };
  }
  try {
    const server = await kind.start();
    const { host, port, url, token, access } = server;
    const asked = { ...(token === undefined ? {} : { token }), ...(access === undefined ? {} : { access }) };
    return { server, info: { name, host, port, url, managed: true, own: true, ...asked } };
  } catch (error) {
    if (!(error instanceof ServerMissing)) throw error;
    notTested(run, name, error.why, error.how);
    return {};
  }
}

/** vitest's global set-up: starts what the project asks for (`provide: { testServers: ["redis"] }`), once per run. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const run: Run = shared[RUN] ?? { started: new Map(), notTested: new Set(), projects: 0 };
  shared[RUN] = run;
  run.projects += 1;
  const running: Partial<Record<ServerName, RunningServer>> = {};
  for (const name of project.getProvidedContext().testServers ?? []) {
    const starting = run.started.get(name) ?? start(run, name);
    run.started.set(name, starting);
    const { info } = await starting;
    if (info !== undefined) running[name] = info;
  }
  project.provide("runningServers", running);

  return async () => {
    run.projects -= 1;
    if (run.projects > 0) return;
    delete shared[RUN];
    const ended = await Promise.allSettled([...run.started.values()].map(async (one) => (await one).server?.stop()));
    for (const line of run.notTested) console.error(`\n${line}${isCi() ? " (CI is set: this fails the run)" : ""}`);
    for (const one of ended) if (one.status === "rejected") throw one.reason;
  };
}
