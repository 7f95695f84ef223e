import { conformance } from "@chatkeep/chat-store-conformance/vitest";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { subjectOf } from "./support/subject.js";

const server = runningServer("azurite");

if (server !== undefined) {
  conformance(
    subjectOf("chatkeep", server.url, {
      requests: {
        addMessage: 1,
        addMessages: 1,
        countMessages: 1,
        getPage: 1,
        deleteLastMessage: 3,
        deleteMessage: 3,
        deleteMessages: 3,
      },
    }),
  );
}
