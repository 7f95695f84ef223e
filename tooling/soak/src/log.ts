import { closeSync, openSync, readFileSync, writeSync } from "node:fs";

/** Lines of JSON in a file that outlive the process that writes them, however it ends. */
export interface Log {
  write(value: unknown): void;
  close(): void;
}

export function openLog(path: string): Log {
  const file = openSync(path, "a");
  return {
    // With the system when this returns; only a crash of the machine could lose it.
    write: (value) => void writeSync(file, `${JSON.stringify(value)}\n`),
    close: () => closeSync(file),
  };
}

/** What was logged, up to a last line that its writer did not live to finish; nothing when there is no file. */
export function readLog<Line>(path: string): Line[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  const lines = text.split("\n");
  lines.pop();
  return lines.map((line) => JSON.parse(line) as Line);
}
