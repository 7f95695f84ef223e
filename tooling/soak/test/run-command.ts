import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

/** What `pnpm soak` runs. */
export function runCommand(...args: string[]): Promise<{ code: number; output: string }> {
  const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
  const command = ["--import", path("../../test-servers/src/client-preload.mjs"), path("../src/cli.ts"), ...args];
  return new Promise((done) => {
    const child = execFile(process.execPath, command, (_, stdout, stderr) =>
      done({ code: child.exitCode ?? -1, output: stdout + stderr }),
    );
  });
}
