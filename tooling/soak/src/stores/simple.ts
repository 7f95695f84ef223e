import { SimpleChatStore } from "@chatkeep/chat-store-core";
import { lossy } from "../lossy.js";
import type { ProcessSubject } from "../subject.js";

/** SimpleChatStore in memory. It has no network that could fail: calls get lost on their way to it. */
export const subject: ProcessSubject = {
  kind: "process",
  sizes: { round: 240, big: 3_000 },
  open(seed) {
    const store = new SimpleChatStore();
    const rates = { "request-lost": 0.03, "reply-lost": 0.04, late: 0.03, duplicate: 0.05, abort: 0.04 };
    return { ...lossy(store, seed, rates), close: () => store.close() };
  },
};
