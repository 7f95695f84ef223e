import type { HttpFault, TcpFault } from "@chatkeep/test-servers";

/** What may become of a write on a TCP connection, ready for "when a write is sent and …". */
export const tcpFaults: Readonly<Record<string, TcpFault>> = {
  "its reply is lost": { kind: "reset-after" },
  "its reply is cut off": { kind: "truncate-reply", bytes: 1 },
  "it is lost": { kind: "reset-before" },
  "the connection falls silent, and breaks": { kind: "black-hole", ms: 50 },
  "it arrives, the connection falls silent, and breaks": { kind: "black-hole", forward: true, ms: 50 },
};

/** What may become of a write over HTTP. A service's own answers come on top. */
export const httpFaults: Readonly<Record<string, HttpFault>> = {
  "its reply is lost": { kind: "reset-after" },
  "its reply is cut off": { kind: "truncate-reply", bytes: 1 },
  "it is lost": { kind: "reset-before" },
  "the network sends it twice": { kind: "duplicate" },
  "the network sends it again later": { kind: "late-duplicate", ms: 5 },
};
