import { chown, mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePorts, LOOPBACK } from "./ports.js";
import { type OwnProcess, type ProcessSpec, startProcess } from "./process.js";

/** What a test has to know of a server to reach it. Plain data: it travels from vitest's global set-up to the tests. */
export interface ServerInfo {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** With credentials, where there are any. */
  readonly url: string;
  /** Started by us, so that it can be killed and restarted; not one that an environment variable names. */
  readonly managed: boolean;
  /** Where the server asks for one that is no part of the URL. */
  readonly token?: string;
  /** Where it asks for the name of an instance and an access key. */
  readonly access?: {
    readonly instanceName: string;
    readonly accessKeyId: string;
    readonly accessKeySecret: string;
  };
}

/** A server that we started, on loopback only. */
export interface OwnServer extends ServerInfo {
  readonly managed: true;
  /** All its ports; `port` is the first. */
  readonly ports: readonly number[];
  /** Of the running or the last process. */
  readonly pid: number;
  /** The newest 64 KiB of what the process wrote. */
  output(): string;
  /** SIGKILL, to the whole process group. */
  kill(): Promise<void>;
  /** Starts it again on the same ports and data; a running one is stopped first, as `stop()` does it. */
  restart(): Promise<void>;
  /** Stops it (SIGKILL after ten seconds) and removes its data. */
  stop(): Promise<void>;
}

export interface ServerPlace {
  readonly ports: readonly number[];
  /** A new temporary folder, kept over restarts. */
  readonly directory: string;
}

/** How a server is started: everything that is not the same for all of them. */
export interface ServerSpec {
  readonly name: string;
  /** How many ports it needs; 1 if not given. */
  readonly ports?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Fills the folder, once. */
  readonly prepare?: (place: ServerPlace) => Promise<void>;
  readonly command: (place: ServerPlace) => Pick<ProcessSpec, "file" | "args" | "env">;
  /** Asked again and again, with what this start has written so far. A connection that is refused is an exception. */
  readonly ready: (place: ServerPlace, output: string) => boolean | Promise<boolean>;
  readonly readySeconds?: number;
  /** Whether it failed because somebody else has its port. */
  readonly portTaken?: (output: string) => boolean;
  readonly stopSignal?: NodeJS.Signals;
  readonly url: (port: number) => string;
}

const ATTEMPTS = 5;

function isPortTaken(spec: ServerSpec, output: string): boolean {
  return spec.portTaken?.(output) ?? /EADDRINUSE|address already in use/i.test(output);
}

class NotStarted extends Error {
  constructor(
    name: string,
    why: string,
    readonly output: string,
  ) {
    super(`${name} ${why}. Its output:\n${output}`);
  }
}

async function launch(spec: ServerSpec, place: ServerPlace): Promise<OwnProcess> {
  const child = await startProcess({
    ...spec.command(place),
    cwd: place.directory,
    directory: place.directory,
    ...(spec.uid === undefined ? {} : { uid: spec.uid }),
    ...(spec.gid === undefined ? {} : { gid: spec.gid }),
  });
  const seconds = spec.readySeconds ?? 30;
  const deadline = Date.now() + seconds * 1_000;
  for (;;) {
    if (!child.running()) {
      const { code, signal } = await child.exited;
      throw new NotStarted(spec.name, `ended (${signal ?? code}) before it was ready`, child.output());
    }
    let reason = "";
    try {
      if (await spec.ready(place, child.output())) return child;
    } catch (error) {
      reason = `: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (Date.now() > deadline) {
      await child.kill();
      throw new NotStarted(spec.name, `was not ready after ${seconds} s${reason}`, child.output());
    }
    await sleep(20);
  }
}

async function newPlace(spec: ServerSpec): Promise<ServerPlace> {
  const place = {
    ports: await freePorts(spec.ports ?? 1),
    directory: await mkdtemp(join(tmpdir(), `chatkeep-${spec.name}-`)),
  };
  if (spec.uid !== undefined) await chown(place.directory, spec.uid, spec.gid ?? spec.uid);
  return place;
}

const remove = (directory: string) => rm(directory, { recursive: true, force: true, maxRetries: 5 });

/** Starts a server and waits until it is ready; with other ports if somebody took ours meanwhile. */
export async function startServer(spec: ServerSpec): Promise<OwnServer> {
  for (let attempt = 1; ; attempt++) {
    const place = await newPlace(spec);
    try {
      await spec.prepare?.(place);
      return own(spec, place, await launch(spec, place));
    } catch (error) {
      await remove(place.directory);
      if (attempt < ATTEMPTS && error instanceof NotStarted && isPortTaken(spec, error.output)) continue;
      throw error;
    }
  }
}

function own(spec: ServerSpec, place: ServerPlace, first: OwnProcess): OwnServer {
  let child = first;
  let stopped = false;
  const [port] = place.ports;
  if (port === undefined) throw new Error(`${spec.name} has no port`);
  return {
    name: spec.name,
    host: LOOPBACK,
    port,
    ports: place.ports,
    url: spec.url(port),
    managed: true,
    get pid() {
      return child.pid;
    },
    output: () => child.output(),
    kill: () => child.kill(),
    async restart() {
      if (stopped) throw new Error(`${spec.name} was stopped: its data is gone`);
      await child.stop(spec.stopSignal);
      for (let attempt = 1; ; attempt++) {
        try {
          child = await launch(spec, place);
          return;
        } catch (error) {
          const taken = error instanceof NotStarted && isPortTaken(spec, error.output);
          if (!taken || attempt === ATTEMPTS) throw error;
          await sleep(500);
        }
      }
    },
    async stop() {
      stopped = true;
      await child.stop(spec.stopSignal);
      await remove(place.directory);
    },
  };
}

/** Resolves when somebody listens there. */
export async function answers(host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ host, port, timeout: 10_000 });
    socket.once("timeout", () => socket.destroy(new Error("no answer in 10 s")));
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.destroy();
      resolve();
    });
  });
}
