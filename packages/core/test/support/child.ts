import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";

const script = new URL("child.mjs", import.meta.url).pathname;
if (!existsSync(new URL("../../dist/index.js", import.meta.url))) throw new Error("Build the package first: tsup.");

export interface Child {
  /** The next line that it tells; undefined when there are no more. */
  next(): Promise<unknown>;
  tell(line: string): void;
  kill(): void;
  /** Settles when it has ended, with its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string | null>;
}

/** Starts child.mjs: see there. It does not outlive the test. */
export function startChild(what: string, path: string, options: { number?: number; fileBlocks?: number } = {}): Child {
  const args = [script, what, path, String(options.number ?? 0)];
  // The shell's limit is inherited, and `exec` makes the child the process that is killed.
  const limited = ["-c", `ulimit -f ${options.fileBlocks}; exec "$0" "$@"`, process.execPath, ...args];
  const child: ChildProcessWithoutNullStreams =
    options.fileBlocks === undefined ? spawn(process.execPath, args) : spawn("sh", limited);
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  let complaints = "";
  child.stderr.on("data", (data) => {
    complaints += data;
  });
  child.stdin.on("error", () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async next() {
      const { value, done } = await lines.next();
      if (complaints !== "") throw new Error(complaints);
      return done ? undefined : JSON.parse(value);
    },
    tell: (line) => child.stdin.write(`${line}\n`),
    kill: () => child.kill("SIGKILL"),
    ended: new Promise((resolve) => child.on("close", (code, signal) => resolve(signal ?? code))),
  };
}
