import { conformance } from "@chatkeep/chat-store-conformance/vitest";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { subjectOf } from "./support/subject.js";

const server = runningServer("postgres-15");

if (server !== undefined) {
  const groups = ["operations", "editing", "operation ids", "pages", "concurrency", "costs", "time to live"];
  conformance(subjectOf("chatkeep", server.url, { name: "PostgresChatStore on Postgres 15" }), { groups });
}
