import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SimpleChatStore, textOf } from "@chatkeep/chat-store-core";
import { startProcess } from "@chatkeep/test-servers";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { gate, startModel } from "./support/model.js";
import { programOf } from "./support/programs.js";

let folder: string;
let model: Awaited<ReturnType<typeof startModel>>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "chatkeep-terminal-"));
  model = await startModel();
});

afterAll(async () => {
  model.close();
  await rm(folder, { recursive: true });
});

/** A session that has been told these lines, and then the end of its input unless it stays `open`. */
async function session(file: string, lines: readonly string[], { open = false, env = {} } = {}) {
  const said = open ? [] : [" <<'END'", ...lines, "END"];
  const quoted = [process.execPath, ...programOf("terminal.js")].map((word) => `'${word}'`).join(" ");
  const child = await startProcess({
    ...(open
      ? { file: process.execPath, args: programOf("terminal.js") }
      : { file: "sh", args: ["-c", `${quoted}${said.join("\n")}\n`] }),
    env: { CHAT_STORE: "simple", CHAT_STORE_FILE: join(folder, file), OPENAI_API_KEY: "", ...env },
  });
  if (open) for (const line of lines) child.write(`${line}\n`);
  return child;
}

/** What is on disk. */
async function kept(file: string) {
  const store = await SimpleChatStore.fromPersistPath(join(folder, file));
  return (await store.getMessages("terminal/default")).map(textOf);
}

it("keeps the history from one session to the next", async () => {
  const echo = (text: string) => `(no OPENAI_API_KEY, so this is an echo) You said: ${text}`;
  const first = await session("two.json", ["My name is Ada.", "I like boats."]);
  expect((await first.exited).code).toBe(0);
  expect(first.output()).toContain(`model: ${echo("My name is Ada.")}\n`);

  const second = await session("two.json", ["And trains."]);
  expect((await second.exited).code).toBe(0);
  expect(second.output()).toContain(`you: My name is Ada.\nmodel: ${echo("My name is Ada.")}\nyou: I like boats.\n`);
  const all = ["My name is Ada.", "I like boats.", "And trains."].flatMap((text) => [text, echo(text)]);
  expect(await kept("two.json")).toEqual(all);
});

it("answers in the next session what was asked when it was killed", async () => {
  const { opened, open } = gate();
  model.script("It is ", opened, "too late.");
  const first = await session("killed.json", ["How high is the moon?"], { open: true, env: model.env });
  await vi.waitFor(() => expect(first.output()).toContain("model: It is "), { timeout: 60_000 });
  await first.kill();
  open();
  expect(await kept("killed.json")).toEqual(["How high is the moon?"]);

  model.script("384,000 km.");
  const second = await session("killed.json", [], { env: model.env });
  expect((await second.exited).code).toBe(0);
  expect(second.output()).toContain("This has no answer yet.\nmodel: 384,000 km.\n");
  expect(await kept("killed.json")).toEqual(["How high is the moon?", "384,000 km."]);
});

it("says what failed, and an empty line tries again without doubling the message", async () => {
  model.script(503);
  model.script("\u001b[2JHere.");
  const only = await session("failed.json", ["Are you there?", ""], { env: model.env });
  expect((await only.exited).code).toBe(0);
  // Standard output and errors arrive in any order.
  expect(only.output()).toContain("MODEL: The model's API answered 503.\n");
  expect(only.output()).toContain("An empty line tries again");
  // Without the character that makes it an order to the terminal.
  expect(only.output()).toContain("[2JHere.");
  expect(only.output()).not.toContain("\u001b");
  expect(await kept("failed.json")).toEqual(["Are you there?", "\u001b[2JHere."]);
});

it("keeps no line that a model can't be sent, and goes on", async () => {
  model.script("Fine.");
  const only = await session("long.json", ["x".repeat(16_001), "Short."], { env: model.env });
  expect((await only.exited).code).toBe(0);
  expect(only.output()).toContain("This is too long. A message has at most 16,000 bytes.\n");
  expect(await kept("long.json")).toEqual(["Short.", "Fine."]);
});

it("refuses a file that another session has open", async () => {
  const first = await session("open.json", [], { open: true });
  await vi.waitFor(() => expect(first.output()).toContain("you: "), { timeout: 60_000 });
  const second = await session("open.json", ["Hello"]);
  expect((await second.exited).code).toBe(1);
  expect(second.output()).toContain("CONFLICT: ");
  await first.kill();
});
