import { type ChatStore, isChatStoreError } from "@chatkeep/chat-store-core";
import type { CommonOptions } from "@chatkeep/chat-store-core/backend";
import type { CommonFault, FaultControl } from "@chatkeep/test-servers";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { contents, message, messages, mutations } from "./mutations.js";

/** A place of its own on a server, and a proxy in front of it. */
export interface FaultBench<Request, Fault> {
  readonly proxy: Pick<FaultControl<Request, Fault>, "next" | "always"> & { settled?(): Promise<void> };
  /** A store that reaches the server past the proxy. */
  readonly reader: ChatStore;
  /** A new store by way of the proxy, on a client that it makes itself. */
  owned(options?: CommonOptions): ChatStore;
  /** The same on a client that is handed in, with the SDK's own retries on. The client is the bench's to close. */
  injected(options?: CommonOptions): ChatStore;
  /** Called after all stores but the reader are closed. */
  close(): Promise<void>;
}

export interface FaultSubject<Request, Fault> {
  start(): Promise<FaultBench<Request, Fault>>;
  /** By what happens: "when a write is sent and …". */
  readonly faults: Readonly<Record<string, Fault>>;
  /** Whether a request is the step that changes a conversation; each mutation must send one. */
  readonly isWrite: (request: Request) => boolean;
  /** How the service says that it does nothing for now, and what the store's error has to say of it. */
  readonly busy?: { readonly fault: Fault; readonly says: string };
}

/**
 * Defines tests: whatever becomes of a write on its way, every mutation is applied once and answers what it must. To be
 * called within a `describe`, once for each layout.
 */
export function exactlyOnce<Request, Fault>(subject: FaultSubject<Request, Fault | CommonFault>): void {
  const { faults, isWrite, busy } = subject;
  let bench: FaultBench<Request, Fault | CommonFault>;
  let opened: ChatStore[] = [];
  let keys = 0;
  const newKey = () => `key ${++keys}`;
  const open = (whose: "owned" | "injected", options?: CommonOptions) => {
    const store = bench[whose](options);
    opened.push(store);
    return store;
  };
  const failure = (call: Promise<unknown>) =>
    call.then(
      () => expect.fail("it did not fail"),
      (error: unknown) => (isChatStoreError(error, "UNAVAILABLE") ? error : expect.fail(String(error))),
    );

  beforeAll(async () => {
    bench = await subject.start();
  });
  afterEach(async () => {
    bench.proxy.always(undefined);
    for (const store of opened) await store.close();
    opened = [];
  });
  afterAll(async () => {
    await bench?.reader.close();
    await bench?.close();
  });

  for (const [whose, what] of [
    ["owned", "the store's own client"],
    ["injected", "an injected client, which retries by itself"],
  ] as const) {
    it.each(Object.keys(faults))(`when a write is sent and %s, with ${what}`, async (name) => {
      const fault = faults[name] as Fault;
      const writer = open(whose);
      for (const { name, before = 5, apply, answer, after } of mutations) {
        const key = newKey();
        await bench.reader.setMessages(key, messages(before));
        const ordered = bench.proxy.next(1, fault, isWrite);
        expect(await apply(writer, key), name).toEqual(answer);
        await bench.proxy.settled?.();
        expect(contents(await bench.reader.getMessages(key)), name).toEqual(after);
        expect(ordered.hits, name).toBe(1);
      }
    });
  }

  it.each(["owned", "injected"] as const)(
    "without faults, without a deadline, with a client that is %s",
    async (whose) => {
      const store = open(whose, { timeoutMs: Number.POSITIVE_INFINITY });
      for (const { name, before = 5, apply, answer, after } of mutations) {
        const key = newKey();
        await store.setMessages(key, messages(before));
        expect(await apply(store, key), name).toEqual(answer);
        expect(contents(await store.getMessages(key)), name).toEqual(after);
        expect(contents((await store.getPage(key, { limit: 20 })).messages), name).toEqual(after);
        expect(await store.countMessages(key), name).toBe(after.length);
        expect(await store.getKeys({ prefix: key }), name).toEqual(after.length > 0 ? [key] : []);
      }
    },
  );

  it("when three clients write at once and every fourth reply is lost", async () => {
    const stores = [open("owned"), open("owned"), open("injected")];
    let number = 0;
    bench.proxy.always((request) => (isWrite(request) && number++ % 4 === 0 ? { kind: "reset-after" } : undefined));
    const key = newKey();
    const sent = messages(30);
    await Promise.all(
      stores.map(async (store, which) => {
        // One after another: of what a client sends at once, a proxy sees the beginning.
        for (let i = which; i < sent.length; i += stores.length) await store.addMessage(key, sent[i] ?? message(""));
      }),
    );
    expect(contents(await bench.reader.getMessages(key)).sort()).toEqual(contents(sent).sort());
    expect(number).toBeGreaterThanOrEqual(30);
  });

  it("says that it does not know when no reply comes", async () => {
    const store = open("owned", { timeoutMs: 1_000 });
    const key = newKey();
    await store.addMessage(key, message("first"));
    bench.proxy.always((request) => (isWrite(request) ? { kind: "black-hole", forward: true, ms: 3_000 } : undefined));
    expect((await failure(store.addMessage(key, message("second")))).outcome).toBe("unknown");
    await vi.waitFor(async () => expect(contents(await bench.reader.getMessages(key))).toEqual(["first", "second"]));
  });

  it.runIf(busy)("says that nothing happened when the service is busy each time", async () => {
    if (busy === undefined) return;
    const store = open("owned", { maxRetries: 2 });
    const key = newKey();
    await bench.reader.addMessage(key, message("first"));
    const ordered = bench.proxy.next(3, busy.fault, isWrite);
    const error = await failure(store.addMessage(key, message("second")));
    expect(error.outcome).toBe("not-applied");
    expect(error.message).toContain(busy.says);
    expect(ordered.hits).toBe(3);
    expect(contents(await bench.reader.getMessages(key))).toEqual(["first"]);
  });
}
