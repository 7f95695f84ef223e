import { spawn } from "node:child_process";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** A program to run, and what has to go when it or we are gone. */
export interface ProcessSpec {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Removed by the watchdog if we die before the process. */
  readonly directory?: string;
  /** Called with each line of standard output; such lines are then not part of `output()`. */
  readonly onLine?: (line: string) => void;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process of ours, with its group. It never outlives us. */
export interface OwnProcess {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  running(): boolean;
  /** The newest 64 KiB of what it wrote. */
  output(): string;
  write(text: string): void;
  /** `signal` to the process, and after `seconds` SIGKILL to its group. */
  stop(signal?: NodeJS.Signals, seconds?: number): Promise<void>;
  /** SIGKILL to the whole group. */
  kill(): Promise<void>;
}

const OUTPUT_LIMIT = 64 * 1024;

// Reads our pipe, on which nothing is ever written: the read ends when we do, however that happens. What the killed group
// was just writing can make a removal fail, hence more than one.
const WATCHDOG = `
while read -r _; do :; done
kill -s KILL -- "-$1" 2>/dev/null
[ -n "$2" ] || exit 0
for try in 1 2 3 4 5; do
  rm -rf -- "$2" && exit 0
  sleep 0.2
done
`;

/** Kills the group `pid`, then removes `directory`, when this process ends without having called the returned function. */
function watch(pid: number, directory: string): () => void {
  // In its own group, so that what takes us down (Ctrl-C, a runner killing our group) doesn't take it along.
  const watchdog = spawn("sh", ["-c", WATCHDOG, "watchdog", String(pid), directory], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  watchdog.on("error", () => {});
  watchdog.stdin.on("error", () => {});
  watchdog.unref();
  (watchdog.stdin as Socket).unref();
  return () => {
    watchdog.kill("SIGKILL");
    watchdog.stdin.destroy();
  };
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // Nobody is left in it; macOS says EPERM while they are not reaped.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ESRCH" && code !== "EPERM") throw error;
  }
}

/** Starts a process as the leader of its own group. Rejects if the program can't be run. */
export async function startProcess(spec: ProcessSpec): Promise<OwnProcess> {
  const child = spawn(spec.file, [...spec.args], {
    env: { ...process.env, ...spec.env },
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
    ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
    ...(spec.uid === undefined ? {} : { uid: spec.uid }),
    ...(spec.gid === undefined ? {} : { gid: spec.gid }),
  });
  const { pid } = child;
  if (pid === undefined) {
    const error = await new Promise<Error>((resolve) => child.once("error", resolve));
    throw new Error(`${spec.file} can't be run: ${error.message}`);
  }
  const unwatch = watch(pid, spec.directory ?? "");

  let output = "";
  const keep = (text: string) => {
    output = (output + text).slice(-OUTPUT_LIMIT);
  };
  child.stdin.on("error", () => {});
  child.on("error", (error) => keep(`${error.message}\n`));
  child.stderr.setEncoding("utf8").on("data", keep);
  let unfinished = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    if (spec.onLine === undefined) return keep(text);
    const lines = (unfinished + text).split("\n");
    unfinished = lines.pop() ?? "";
    for (const line of lines) spec.onLine(line);
  });

  let running = true;
  const exited = new Promise<Exit>((resolve) => {
    child.once("exit", (code, signal) => {
      running = false;
      unwatch();
      // The leader's children share its group, and may hold its output open.
      signalGroup(pid, "SIGKILL");
      const done = () => resolve({ code, signal });
      const late = setTimeout(done, 1_000);
      child.once("close", () => {
        clearTimeout(late);
        done();
      });
    });
  });

  // A server that a test forgot must not keep the test process alive; the watchdog stops it then.
  const streams = [child.stdin, child.stdout, child.stderr] as Socket[];
  const hold = () => {
    child.ref();
    for (const stream of streams) stream.ref();
  };
  child.unref();
  for (const stream of streams) stream.unref();

  return {
    pid,
    exited,
    running: () => running,
    output: () => output,
    write: (text) => {
      if (child.stdin.writable) child.stdin.write(text);
    },
    async stop(signal = "SIGTERM", seconds = 10) {
      hold();
      if (running) child.kill(signal);
      const late = new AbortController();
      const bound = sleep(seconds * 1_000, undefined, { signal: late.signal }).then(
        () => signalGroup(pid, "SIGKILL"),
        () => {},
      );
      await Promise.race([exited, bound]);
      late.abort();
      await exited;
    },
    async kill() {
      hold();
      if (running) signalGroup(pid, "SIGKILL");
      await exited;
    },
  };
}
