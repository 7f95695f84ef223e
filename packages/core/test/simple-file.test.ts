import { chmod, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { messageFromStored } from "../src/messages/codec.js";
import type { JsonObject, JsonValue } from "../src/messages/message.js";
import { SimpleChatStore } from "../src/simple/simple-chat-store.js";
import { everythingShownOf, failureOf } from "./support/errors.js";
import { temporaryFolder } from "./support/folders.js";
import { goldenText } from "./support/golden.js";

const said = (content: string) => ({ role: "user" as const, content });
const pathTo = (name: string) => new URL(`golden/persist/${name}.json`, import.meta.url).pathname;

afterEach(() => {
  vi.useRealTimers();
});

/** All that a store holds, in the order in which it lists it. */
async function everythingIn(store: SimpleChatStore) {
  const all: [string, unknown][] = [];
  for (const key of await store.getKeys()) all.push([key, await store.getMessages(key)]);
  return all;
}

async function fileWith(text: string | Uint8Array): Promise<string> {
  const path = join(await temporaryFolder(), "chat_store.json");
  await writeFile(path, text);
  return path;
}

describe("a file of LlamaIndex Python", () => {
  const names = ["newest", "spaced-blocks", "legacy-content", "double-encoded"];

  it.each(names)("%s: is read as Python reads it", async (name) => {
    const store = await SimpleChatStore.fromPersistPath(pathTo(name));
    // -0.0 loses its sign.
    const expectedText = goldenText(`persist/${name}.expected.json`).replaceAll("-0.0", "0");
    const expected = JSON.parse(expectedText) as Record<string, JsonValue[]>;
    // Python has conversations without messages, and one under an empty key.
    const nonEmpty = Object.entries(expected).filter(([key, messages]) => key !== "" && messages.length > 0);
    expect(nonEmpty.length).toBeGreaterThan(2);
    expect(await everythingIn(store)).toEqual(nonEmpty.map(([key, stored]) => [key, stored.map(messageFromStored)]));
  });

  it("newest: is written as Python wrote it, save for what JavaScript's numbers can't do", async () => {
    const path = join(await temporaryFolder(), "out.json");
    await (await SimpleChatStore.fromPersistPath(pathTo("newest"))).persist(path);
    const python = goldenText("persist/newest.json").replace("-0.0", "0");
    const ours = await readFile(path, "utf8");
    const { store } = JSON.parse(python) as { store: Record<string, JsonObject[]> };
    const nonEmpty = Object.entries(store).filter(([, messages]) => messages.length > 0);
    // Also the one under "", which is no key here, is kept.
    expect(JSON.parse(ours)).toEqual({ store: Object.fromEntries(nonEmpty), class_name: "SimpleChatStore" });
    for (const [key, messages] of nonEmpty) {
      const text = `${JSON.stringify(key)}:${JSON.stringify(messages)}`;
      expect(ours).toContain(text);
      if (key !== "kwargs" && key !== "blocks") expect(python).toContain(text);
    }
  });

  it.each(names)("%s: is read the same after it was written by us", async (name) => {
    const path = join(await temporaryFolder(), "out.json");
    const store = await SimpleChatStore.fromPersistPath(pathTo(name));
    await store.persist(path);
    expect(await everythingIn(await SimpleChatStore.fromPersistPath(path))).toEqual(await everythingIn(store));
    expect(await everythingIn(SimpleChatStore.fromJSON(store.toJSON()))).toEqual(await everythingIn(store));
    const text = await readFile(path, "utf8");
    expect(JSON.stringify(store)).toBe(text);
    expect(await everythingIn(SimpleChatStore.fromJSON(text))).toEqual(await everythingIn(store));
  });

  it("with words for what is no number, of json.dumps", async () => {
    const path = await fileWith(
      '{"store": {"k": [{"content": "NaN", "additional_kwargs": {"a": NaN, "b": -Infinity}}]}}',
    );
    const store = await SimpleChatStore.fromPersistPath(path);
    const message = { role: "user", content: "NaN", additionalKwargs: { a: null, b: null } };
    expect(await store.getMessages("k")).toEqual([message]);
  });
});

describe("persist and fromPersistPath", () => {
  it("a missing file is an empty store, and is not made by reading", async () => {
    const folder = await temporaryFolder();
    const store = await SimpleChatStore.fromPersistPath(join(folder, "a", "b.json"));
    expect(await store.getKeys()).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
    await store.persist(join(folder, "empty.json"));
    expect(await readFile(join(folder, "empty.json"), "utf8")).toBe('{"store":{},"class_name":"SimpleChatStore"}');
  });

  it("folders are made, and nothing is left beside the file", async () => {
    const folder = await temporaryFolder();
    const store = new SimpleChatStore();
    await store.addMessage("k", said("é"));
    await store.persist(join(folder, "a", "b", "c.json"));
    await store.persist(join(folder, "a", "b", "c.json"));
    expect(await readdir(join(folder, "a", "b"))).toEqual(["c.json"]);
    expect(await readFile(join(folder, "a", "b", "c.json"), "utf8")).toBe(
      '{"store":{"k":[{"role":"user","additional_kwargs":{},"blocks":[{"block_type":"text","text":"é"}]}]},' +
        '"class_name":"SimpleChatStore"}',
    );
  });

  it("chat_store.json in the working folder is the default", async () => {
    const folder = await temporaryFolder();
    vi.spyOn(process, "cwd").mockReturnValue(folder);
    try {
      const store = new SimpleChatStore();
      await store.addMessage("k", said("x"));
      await store.persist();
    } finally {
      vi.restoreAllMocks();
    }
    expect(await readdir(folder)).toEqual(["chat_store.json"]);
  });

  it.each(["__proto__", "constructor", "toString", '\0\n"\\', "👩‍👩‍👧‍👦 \u2028", "1"])("key %j", async (key) => {
    const path = join(await temporaryFolder(), "chat_store.json");
    const store = new SimpleChatStore({ ttlSeconds: 1000 });
    await store.addMessage("before", said("0"));
    await store.addMessage(key, said("1"));
    await store.addMessage("after", said("2"));
    await store.persist(path);
    const again = await SimpleChatStore.fromPersistPath(path);
    expect(new Set(await again.getKeys())).toEqual(new Set(["before", key, "after"]));
    expect(await again.getMessages(key)).toEqual([said("1")]);
    // The expiry went along.
    await again.persist(path);
    const { chatkeep } = JSON.parse(await readFile(path, "utf8")) as { chatkeep: { expires: JsonObject } };
    expect(Object.keys(chatkeep.expires)).toHaveLength(3);
    expect(({} as Record<string, unknown>).store).toBeUndefined();
  });

  it("messages are kept as they were written, also what this version does not know", async () => {
    const message =
      '{"role":"user","additional_kwargs":{},"blocks":[{"block_type":"hologram","a":1}],"later":{"b":[2]}}';
    const text = `{"store":{"k":[${message}]},"class_name":"SimpleChatStore"}`;
    const path = await fileWith(text);
    await (await SimpleChatStore.fromPersistPath(path)).persist(path);
    expect(await readFile(path, "utf8")).toBe(text);
  });

  it("lone surrogates survive in a file of well-formed UTF-8", async () => {
    const path = join(await temporaryFolder(), "chat_store.json");
    const store = new SimpleChatStore();
    await store.addMessage("k", { content: "a\ud800", additionalKwargs: { "\udc00": 1 } });
    await store.persist(path);
    const again = await SimpleChatStore.fromPersistPath(path);
    expect(await again.getMessages("k")).toEqual(await store.getMessages("k"));
  });

  it("a symbolic link stays one, be its target there or not", async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, "real"));
    await symlink(join("real", "target.json"), join(folder, "link.json"));
    await symlink("link.json", join(folder, "link of link.json"));
    const store = new SimpleChatStore();
    for (const [name, text] of [
      ["link.json", "1"],
      ["link of link.json", "2"],
    ] as const) {
      await store.setMessages("k", [said(text)]);
      await store.persist(join(folder, name));
      expect(await readlink(join(folder, "link.json"))).toBe(join("real", "target.json"));
      expect(await readlink(join(folder, "link of link.json"))).toBe("link.json");
      expect(await readdir(join(folder, "real"))).toEqual(["target.json"]);
      const again = await SimpleChatStore.fromPersistPath(join(folder, "link.json"));
      expect(await again.getMessages("k")).toEqual([said(text)]);
    }
  });

  it.each([0o600, 0o640, 0o666, 0o444])("mode %o of the file is kept", async (mode) => {
    const path = await fileWith("{}");
    await chmod(path, mode);
    await new SimpleChatStore().persist(path);
    expect((await stat(path)).mode & 0o777).toBe(mode);
  });

  it("persisting again and again at the same time leaves one whole file, the newest", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "chat_store.json");
    const stores = [new SimpleChatStore(), new SimpleChatStore()];
    const persisting: Promise<void>[] = [];
    for (let i = 0; i < 10; i++) {
      for (const [s, store] of stores.entries()) {
        await store.addMessage("k", said(`${s}: ${i} ${"x".repeat(10_000 * (10 - i))}`));
        persisting.push(store.persist(path));
      }
    }
    await Promise.all(persisting);
    expect(await readdir(folder)).toEqual(["chat_store.json"]);
    const again = await SimpleChatStore.fromPersistPath(path);
    const final = await Promise.all(stores.map(everythingIn));
    expect(final).toContainEqual(await everythingIn(again));
  });

  it.each<[string, (folder: string) => Promise<string>, string]>([
    ["a folder", async (folder) => folder, "it is a folder"],
    [
      "within a file",
      async (folder) => {
        await writeFile(join(folder, "file"), "");
        return join(folder, "file", "b.json");
      },
      "no folder",
    ],
  ])("a path that is %s", async (_name, make, problem) => {
    const path = await make(await temporaryFolder());
    const failure = await failureOf(() => new SimpleChatStore().persist(path), "MISCONFIGURED");
    expect(failure.message).toContain(problem);
    await failureOf(() => SimpleChatStore.fromPersistPath(path), "MISCONFIGURED");
    await failureOf(() => SimpleChatStore.open(path), "MISCONFIGURED");
  });
});

describe("expiry in a file", () => {
  it("is a member that Python ignores, and holds for whoever reads it", async () => {
    vi.useFakeTimers({ now: 1_000_000, toFake: ["Date"] });
    const path = join(await temporaryFolder(), "chat_store.json");
    const store = new SimpleChatStore({ ttlSeconds: 10 });
    await store.addMessage("k", said("x"));
    vi.setSystemTime(1_005_000);
    await store.addMessage("later", said("y"));
    await store.persist(path);
    const file = JSON.parse(await readFile(path, "utf8")) as JsonObject;
    expect(Object.keys(file)).toEqual(["store", "class_name", "chatkeep"]);
    expect(file.chatkeep).toEqual({ expires: { k: 1_010_000, later: 1_015_000 } });

    for (const options of [{}, { ttlSeconds: 1000 }]) {
      vi.setSystemTime(1_009_999);
      const again = await SimpleChatStore.fromPersistPath(path, options);
      expect(await again.getKeys()).toEqual(["k", "later"]);
      vi.setSystemTime(1_010_000);
      expect(await again.getKeys()).toEqual(["later"]);
    }
    const late = await SimpleChatStore.fromPersistPath(path);
    expect(await late.getKeys()).toEqual(["later"]);
    // The next write gives it the time to live of the store that writes: none.
    await late.addMessage("later", said("z"));
    vi.setSystemTime(9_999_999);
    expect(await late.countMessages("later")).toBe(2);
    expect(late.toJSON()).not.toHaveProperty("chatkeep");
  });

  it("begins with the reading where the file doesn't say, as after Python wrote it", async () => {
    vi.useFakeTimers({ now: 1_000_000, toFake: ["Date"] });
    const path = await fileWith(
      '{"store":{"k":[{"content":"x"}],"l":[{"content":"x"}]},"chatkeep":{"expires":{"l":"soon"}}}',
    );
    const store = await SimpleChatStore.fromPersistPath(path, { ttlSeconds: 10 });
    vi.setSystemTime(1_009_999);
    expect(await store.getKeys()).toEqual(["k", "l"]);
    vi.setSystemTime(1_010_000);
    expect(await store.getKeys()).toEqual([]);
  });
});

describe("a damaged file", () => {
  const secret = "s3cret-4711";
  const message = `{"role":"user","additional_kwargs":{},"blocks":[{"block_type":"text","text":"${secret} é"}]}`;
  const whole = `{"store":{"k":[${message}],"l":[{"content":null}]},"class_name":"SimpleChatStore"}`;

  async function expectDamage(text: string | Uint8Array): Promise<string> {
    const path = await fileWith(text);
    for (const read of [SimpleChatStore.fromPersistPath, SimpleChatStore.open]) {
      const failure = await failureOf(() => read(path), "CORRUPT_MESSAGE");
      expect(failure.message).toContain(path);
      expect(everythingShownOf(failure)).not.toContain(secret);
    }
    expect((await readFile(path)).equals(Buffer.from(text))).toBe(true);
    expect(await readdir(join(path, ".."))).toEqual(["chat_store.json"]);
    return (await failureOf(() => SimpleChatStore.fromPersistPath(path))).message;
  }

  it("cut anywhere is an error that names file and place, and stays as it is", async () => {
    const bytes = new TextEncoder().encode(whole);
    const path = await fileWith(bytes);
    expect(await (await SimpleChatStore.fromPersistPath(path)).getMessages("k")).toEqual([said(`${secret} é`)]);
    for (let length = 0; length < bytes.length; length++) {
      await writeFile(path, bytes.subarray(0, length));
      const failure = await failureOf(() => SimpleChatStore.fromPersistPath(path), "CORRUPT_MESSAGE");
      expect(failure.message).toContain(path);
      expect(failure.message).toMatch(/from (line 1, column \d+|byte \d+) on/);
      expect(everythingShownOf(failure)).not.toContain(secret);
      expect((await stat(path)).size).toBe(length);
    }
  });

  it.each<[string, string, string]>([
    ["no object", "[]", "It is not an object"],
    ["null", "null", "It is not an object"],
    ["another JSON", '{"name":"x","version":"1"}', "no object `store`"],
    ["store null", '{"store":null}', "no object `store`"],
    ["store a list", '{"store":[]}', "no object `store`"],
    ["a conversation that is an object", '{"store":{"k":{}}}', 'store["k"] is not a list'],
    ["a conversation that is null", '{"store":{"k":null}}', 'store["k"] is not a list'],
    ["a message that is text", `{"store":{"k":[{},"${secret}"]}}`, 'store["k"][1]: '],
    ["an unknown role", `{"store":{"k":[{"role":"${secret}"}]}}`, 'store["k"][0]: '],
    ["blocks of text", `{"store":{"k":[{"blocks":["${secret}"]}]}}`, 'store["k"][0]: '],
    ["a byte order mark", `\ufeff${whole}`, "line 1, column 1 "],
    ["a comma too many", `${whole.slice(0, -1)},}`, `line 1, column ${whole.length + 1} `],
    ["a break in line 3", '{\n"store":\n{"k":[}}', "line 3, column 7 "],
    ["encoded three times", JSON.stringify(JSON.stringify(whole)), "It is not an object"],
    ["a broken text within a text", JSON.stringify(whole.slice(0, -1)), "It is not JSON"],
    ["two files in one", whole + whole, `line 1, column ${whole.length + 1} `],
  ])("with %s", async (_name, text, problem) => {
    expect(await expectDamage(text)).toContain(problem);
  });

  it("with bytes that are no UTF-8, as another encoding leaves them", async () => {
    const latin1 = Buffer.from(whole, "latin1");
    expect(await expectDamage(latin1)).toContain(`It is not UTF-8 from byte ${latin1.indexOf(0xe9)} on`);
    const real = Buffer.concat([Buffer.from(`{"store":{"\ufffd":[`), Buffer.from([0xff]), Buffer.from("]}}")]);
    expect(await expectDamage(real)).toContain(`from byte ${real.indexOf(0xff)} on`);
  });

  it("that nests deeper than can be written", async () => {
    const levels = 20_000;
    const deep = `{"store":{"k":[{"additional_kwargs":{"a":${"[".repeat(levels)}${"]".repeat(levels)}}}]}}`;
    expect(await expectDamage(deep)).toContain('store["k"][0]: ');
  });

  it("is CORRUPT_MESSAGE from fromJSON, too", async () => {
    const values: unknown[] = [null, [], 5, "x", `{"store":"${secret}"}`, { store: { k: [secret] } }, { a: 1 }];
    for (const value of values) {
      const failure = await failureOf(() => SimpleChatStore.fromJSON(value), "CORRUPT_MESSAGE");
      expect(everythingShownOf(failure)).not.toContain(secret);
    }
  });
});
