import { conformance } from "@chatkeep/chat-store-conformance/vitest";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { subjectOf } from "./support/subject.js";

const server = runningServer("dynamodb");

if (server !== undefined) {
  conformance(
    subjectOf("chatkeep", server.url, {
      // Of those that change something, the last one or two follow behind the caller's back.
      requests: {
        addMessage: 2,
        addMessages: 2,
        countMessages: 1,
        getPage: 1,
        deleteLastMessage: 3,
        deleteMessage: 3,
        deleteMessages: 4,
      },
    }),
  );
}
