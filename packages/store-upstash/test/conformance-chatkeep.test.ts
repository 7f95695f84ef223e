import { conformance } from "@chatkeep/chat-store-conformance/vitest";
import { runningDatabase } from "./support/database.js";
import { subjectOf } from "./support/subject.js";

const database = runningDatabase();

if (database !== undefined) {
  conformance(
    subjectOf("chatkeep", database, {
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
