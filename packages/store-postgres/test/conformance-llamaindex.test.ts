import { conformance } from "@chatkeep/chat-store-conformance/vitest";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { subjectOf } from "./support/subject.js";

const server = runningServer("postgres");

if (server !== undefined) {
  conformance(
    subjectOf("llamaindex", server.url, {
      lacks: {
        operationIds: "LlamaIndex's table has no place for them",
        ttl: "LlamaIndex's table has no place for an expiry",
        anyKey: "LlamaIndex keeps the key as it is, and Postgres's text has no NUL",
        constantCost: "each operation reads or writes the whole array",
        stableCursors: "an array has positions and no places",
      },
      requests: {
        addMessage: 1,
        addMessages: 1,
        countMessages: 1,
        getPage: 1,
        deleteLastMessage: 1,
        deleteMessage: 1,
        replaceMessage: 1,
        deleteMessages: 1,
      },
    }),
  );
}
