import { conformance } from "@chatkeep/chat-store-conformance/vitest";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { subjectOf } from "./support/subject.js";

const server = runningServer("dynamodb");

if (server !== undefined) {
  conformance(
    subjectOf("llamaindex", server.url, {
      lacks: {
        operationIds:
          "a deleted item takes them along, and so does every write of Python's; removed messages are not kept",
        largeMessages: "an item has at most 400 KB, with all messages of a conversation",
        largeHistories: "an item has at most 400 KB, with all messages of a conversation",
        constantCost: "each operation reads or writes the whole item",
        stableCursors: "a list has positions and no places",
      },
      requests: { addMessage: 1, addMessages: 1, countMessages: 1, getPage: 1, deleteLastMessage: 2, deleteMessage: 2 },
    }),
  );
}
