import { conformance } from "@chatkeep/chat-store-conformance/vitest";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { subjectOf } from "./support/subject.js";

const server = runningServer("pgbouncer");

// It has four connections to Postgres for the ten of each pool, and gives them out by transaction.
if (server !== undefined)
  conformance(subjectOf("chatkeep", server.url, { name: "PostgresChatStore behind PgBouncer" }));
