import { conformance } from "@chatkeep/chat-store-conformance/vitest";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { subjectOf } from "./support/subject.js";

const server = runningServer("dynamodb");

if (server !== undefined) {
  conformance(
    subjectOf("chatkeep", server.url, {
      // Rows follow an append behind the caller's back, and when is chance: costs.test.ts counts them.
      countsOnly: (operation) => operation !== "BatchWriteItemCommand",
      requests: {
        addMessage: 1,
        addMessages: 1,
        countMessages: 1,
        getPage: 1,
        deleteLastMessage: 2,
        deleteMessages: 3,
      },
    }),
  );
}
