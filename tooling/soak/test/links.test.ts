import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, expect, it } from "vitest";
import { httpLink, tcpLink, type UrlConnection } from "../src/links.js";

const server = createServer((_, response) => response.end("hello"));
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const { port } = server.address() as AddressInfo;
const url = `http://127.0.0.1:${port}`;

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

it.each([
  ["HTTP", () => httpLink(url, 1, { "reset-after": 1 })],
  ["TCP", () => tcpLink({ port, url }, 1, { "reset-after": 1 })],
])("a link by %s has its faults when they are on, counts them, and shows requests and replies", async (_, open) => {
  const link = await open();
  const seen: string[] = [];
  const release = link.intercept({
    request: async () => {
      seen.push("request");
      return undefined;
    },
    reply: async () => {
      seen.push("reply");
      return undefined;
    },
  });
  try {
    const { url: linked } = link.connection as UrlConnection;
    const get = async () => (await fetch(linked, { headers: { connection: "close" } })).text();
    expect(linked).not.toBe(url);
    expect(await get()).toBe("hello");
    link.faults.enabled = true;
    await expect(get()).rejects.toThrow();
    link.faults.enabled = false;
    expect(await get()).toBe("hello");
    expect(link.faults.counts).toEqual({ "reset-after": 1 });
    expect(seen.filter((what) => what === "request")).toHaveLength(3);
    expect(seen).toContain("reply");
    release();
    await get();
    expect(seen.filter((what) => what === "request")).toHaveLength(3);
    await link.settled();
  } finally {
    await link.close();
  }
});
