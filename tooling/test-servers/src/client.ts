import { createInterface } from "node:readline";

// The other end of `spawnClient`, for the script that it runs.

/** Sends a value to the test: one line of JSON. */
export function say(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** What the test sends, until it closes the client. */
export async function* orders(): AsyncGenerator<unknown> {
  for await (const line of createInterface({ input: process.stdin })) yield JSON.parse(line);
}
