// A process of its own on the built package, for tests that kill it or set it against others:
// node child.mjs <what to do> <path> [number]. It tells its progress in lines of JSON.
import { createInterface } from "node:readline";
import { SimpleChatStore } from "../../dist/index.js";

const [, , what, path, number = "0"] = process.argv;
const tell = (progress) => process.stdout.write(`${JSON.stringify(progress)}\n`);
/** A history whose messages all name its version, of some megabytes. */
const version = (n) => Array.from({ length: 20 }, (_, i) => ({ content: `${n}:${i} ${"x".repeat(50_000)}` }));

const doings = {
  /** Replaces the file for ever. */
  async persist() {
    const store = await SimpleChatStore.fromPersistPath(path);
    for (let n = Number(number); ; n++) {
      await store.setMessages("k", version(n));
      await store.persist(path);
      tell(n);
    }
  },
  /** Changes a store that writes by itself for ever, and tells what is surely on disk. */
  async append() {
    const store = await SimpleChatStore.open(path);
    for (let n = await store.countMessages("k"); ; n++) {
      await store.addMessage("k", { content: String(n) });
      if (n % 3 !== 0) continue;
      await store.flush();
      tell(n);
    }
  },
  /** Ends without having waited for anything. */
  async end() {
    const store = await SimpleChatStore.open(path);
    for (let n = 0; n < Number(number); n++) await store.addMessage("k", { content: String(n) });
  },
  /** Opens the file when told to, and keeps it open until told to go. */
  async hold() {
    tell("ready");
    const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
    await lines.next();
    try {
      await SimpleChatStore.open(path);
      tell("open");
    } catch (error) {
      tell(error.code);
    }
    await lines.next();
    process.exit();
  },
  /** Writes more than a file may have. */
  async fill() {
    const store = await SimpleChatStore.fromPersistPath(path);
    await store.setMessages("k", version(2));
    await store.persist(path).catch((error) => tell([error.code, error.message]));
    const opened = await SimpleChatStore.open(path);
    await opened.setMessages("k", version(3));
    await opened.flush().catch((error) => tell([error.code, error.message, error.outcome]));
    await opened.addMessage("k", { content: "x" }).catch((error) => tell([error.code, error.message, error.outcome]));
    // What fits is written again.
    await SimpleChatStore.fromPersistPath(path).then((small) => small.persist(path));
    tell("end");
    process.exit();
  },
};
await doings[what]();
