import { SimpleChatStore } from "@chatkeep/chat-store-core";
import { subjectOf } from "./subject.mjs";

export const subject = () =>
  subjectOf("SimpleChatStore", (_place, { ttlSeconds }) => new SimpleChatStore({ ttlSeconds }), {
    secondClient: "its data lives in one object",
    opaqueJson: "its toJSON is LlamaIndex's",
  });
