import { conformance } from "@chatkeep/chat-store-conformance/vitest";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { subjectOf } from "./support/subject.js";

// The stores run the whole kit. Here are the ways that theirs don't take on a single server: an index in other slots than
// the conversations, and everything staged and read in small pieces.
const groups = ["operations", "keys", "pages", "sizes", "operation ids", "concurrency", "model"];
const limits = { requestBytes: 1.5 * 1024 * 1024, replyBytes: 5_000 };

const server = runningServer("redis");

if (server !== undefined) {
  conformance(subjectOf("chatkeep", server.url, { ...limits, acrossSlots: false }, {}), { groups });
  conformance(
    subjectOf("llamaindex", server.url, limits, {
      lacks: { stableCursors: "a list of messages has positions and no places" },
    }),
    { groups: ["pages", "sizes"] },
  );
}
