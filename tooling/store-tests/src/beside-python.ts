import { type ChatStore, isChatStoreError } from "@chatkeep/chat-store-core";
import { expect, it } from "vitest";

/** A layout in which a conversation is one document, which LlamaIndex Python writes anew as a whole. */
export interface BesidePythonBench {
  newKey(): string;
  /** Another store on the same table. */
  open(): ChatStore;
  /** Appends a message as Python does it, without what it does not know. */
  python(key: string, text: string): Promise<unknown>;
}

/** Defines the tests of writers that take turns on such a document. */
export function besidePython({ newKey, open, python }: BesidePythonBench): void {
  it("another's write in between is seen, ours or Python's, and nothing of it is lost", async () => {
    const key = newKey();
    const [first, second] = [open(), open()];
    await first.addMessage(key, { content: "a" });
    await second.addMessage(key, { content: "b" });
    await first.addMessage(key, { content: "c" });
    await python(key, "python");
    await second.addMessage(key, { content: "d" });
    await python(key, "python again");
    expect((await first.deleteMessage(key, 0))?.content).toBe("a");
    const left = await second.getMessages(key);
    expect(left.map(({ content }) => content)).toEqual(["b", "c", "python", "d", "python again"]);
  });

  it("an operation that comes back is applied once, as long as the document keeps it in mind", async () => {
    const key = newKey();
    const [first, second] = [open(), open()];
    await first.addMessage(key, { content: "a" }, { operationId: "one" });
    await second.addMessage(key, { content: "a" }, { operationId: "one" });
    expect(await first.countMessages(key)).toBe(1);
    const conflict = await second
      .addMessage(key, { content: "b" }, { operationId: "one" })
      .catch((error: unknown) => error);
    expect(isChatStoreError(conflict, "CONFLICT")).toBe(true);
    await first.deleteLastMessage(key, { operationId: "two" });
    const repeated = await second.deleteLastMessage(key, { operationId: "two" }).catch((error: unknown) => error);
    expect(isChatStoreError(repeated) && repeated.outcome).toBe("unknown");
  });
}
