import { createServer } from "node:net";
import { LOOPBACK } from "@chatkeep/test-servers";
import { expect, it } from "vitest";
import { PostgresChatStore } from "../src/index.js";

/** Messages of Postgres's protocol: a letter, the length, and what it holds. */
function message(type: string, body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(4 + body.length);
  return Buffer.concat([Buffer.from(type), length, body]);
}

const authenticated = message("R", Buffer.from([0, 0, 0, 0]));
const ready = message("Z", Buffer.from("I"));
const fields = ["SFATAL", "VFATAL", "C57P01", "Mterminating connection due to administrator command", ""];
const terminated = message("E", Buffer.from(`${fields.join("\0")}\0`));

it("a server that ends a connection with its greeting, in one packet, ends no process", async () => {
  // A real server does it when it is shut down at that moment, which no test can aim at.
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.on("error", () => {});
    socket.once("data", () => socket.end(Buffer.concat([authenticated, ready, terminated])));
  });
  await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve));
  const { port } = server.address() as { port: number };
  const connection = { host: LOOPBACK, port, user: "u", database: "d", ssl: false, autoSetup: false, maxRetries: 2 };
  const store = new PostgresChatStore(connection);
  try {
    await expect(store.getMessages("k")).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(connections).toBe(3);
  } finally {
    await store.close();
    server.close();
  }
});
