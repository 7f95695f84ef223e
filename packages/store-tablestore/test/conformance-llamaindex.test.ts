import { conformance } from "@chatkeep/chat-store-conformance/vitest";
import { subjectOf } from "./support/subject.js";

conformance(
  subjectOf("llamaindex", {
    lacks: {
      operationIds:
        "a deleted row takes them along, and so does every write of Python's; removed messages are not kept",
      largeMessages: "a column has at most 2 MB, with all messages of a conversation",
      largeHistories: "a column has at most 2 MB, with all messages of a conversation",
      constantCost: "each operation reads or writes the whole history",
      stableCursors: "a list has positions and no places",
    },
    requests: {
      addMessage: 2,
      addMessages: 2,
      countMessages: 1,
      getPage: 1,
      deleteLastMessage: 2,
      deleteMessage: 2,
      replaceMessage: 2,
      deleteMessages: 2,
    },
  }),
);
