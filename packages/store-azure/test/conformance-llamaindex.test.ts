import { conformance } from "@chatkeep/chat-store-conformance/vitest";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { subjectOf } from "./support/subject.js";

const server = runningServer("azurite");

if (server !== undefined) {
  conformance(
    subjectOf("llamaindex", server.url, {
      lacks: {
        operationIds: "they are gone with the first message's entity; removed messages are not kept",
        ttl: "LlamaIndex's tables have no place for it",
        largeMessages: "an entity has at most 1 MiB, where each character takes two bytes or more",
        constantCost: "whoever has not written last reads the whole conversation",
        stableCursors: "Python's positions are no places",
      },
      requests: { addMessage: 2, addMessages: 2, countMessages: 1, getPage: 1 },
    }),
  );
}
