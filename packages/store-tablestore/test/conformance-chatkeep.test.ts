import { conformance } from "@chatkeep/chat-store-conformance/vitest";
import { subjectOf } from "./support/subject.js";

conformance(
  subjectOf("chatkeep", {
    // Rows follow an append behind the caller's back, and when is chance: costs.test.ts counts them.
    counts: (operation) => operation !== "batchWriteRow",
    requests: {
      addMessage: 1,
      addMessages: 1,
      countMessages: 1,
      getPage: 2,
      deleteLastMessage: 2,
      deleteMessage: 3,
      replaceMessage: 3,
      deleteMessages: 3,
    },
  }),
);
