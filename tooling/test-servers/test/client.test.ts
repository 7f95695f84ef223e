import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { httpProxy, killBetweenRequests, spawnClient, type TcpRequest, tcpProxy, through } from "../src/index.js";
import { runningServer } from "../src/vitest-servers.js";
import { connectTo, disconnectAll } from "./connect.js";

const shared = runningServer("redis");

describe("a client process", () => {
  it("talks in lines of JSON, and its noise is kept for error messages", async () => {
    const client = await spawnClient(new URL("./fixtures/talks.mjs", import.meta.url));
    client.send({ text: "a\nb ✓" });
    client.send(null);
    expect(await client.receive()).toEqual({ heard: { text: "a\nb ✓" } });
    expect(await client.receive()).toEqual({ heard: null });
    client.send("end");
    await expect(client.receive()).rejects.toThrow(/ended \(1\).*not JSON.*told to end/s);
  });

  it("is killed at will", async () => {
    const client = await spawnClient(new URL("./fixtures/talks.mjs", import.meta.url));
    client.send(1);
    await client.receive();
    const waiting = expect(client.receive()).rejects.toThrow("ended (SIGKILL)");
    await client.kill();
    await waiting;
    expect(client.running()).toBe(false);
    expect(await client.exited).toEqual({ code: null, signal: "SIGKILL" });
    await client.kill();
  });
});

describe.runIf(shared)("a client killed between any two requests", () => {
  it("over TCP leaves every prefix of its operation", async () => {
    const list = "test-servers:killed";
    const direct = connectTo(shared!.url);
    const proxy = await tcpProxy(shared!);
    const left: string[] = [];
    try {
      const points = await killBetweenRequests<TcpRequest>({
        proxy,
        start: async () => {
          await direct.del(list);
          const client = await spawnClient(new URL("./fixtures/writes-three.ts", import.meta.url), [
            through(shared!.url, proxy),
            list,
          ]);
          expect(await client.receive()).toBe("ready");
          return client;
        },
        order: "go",
        counts: (request) => request.data.includes("rpush"),
        check: async ({ before, request }) => {
          left.push(`${before} ${request}: ${(await direct.lrange(list, 0, -1)).join("")}`);
        },
      });
      expect(points).toHaveLength(6);
      expect(left).toEqual([
        ...["forwarding 1: ", "answering 1: a", "forwarding 2: a"],
        ...["answering 2: ab", "forwarding 3: ab", "answering 3: abc"],
      ]);
      expect(await direct.lrange(list, 0, -1)).toEqual(["a", "b", "c"]);
    } finally {
      await direct.del(list);
      disconnectAll();
      await proxy.close();
    }
  });
});

describe("a client killed between any two requests over HTTP", () => {
  it("leaves every prefix of its operation", async () => {
    const written: string[] = [];
    const server = createServer((incoming, response) => {
      written.push(incoming.url ?? "");
      response.end();
    });
    const port = await new Promise<number>((resolve) => {
      server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
    });
    const proxy = await httpProxy(`http://127.0.0.1:${port}`);
    const left: string[] = [];
    try {
      await killBetweenRequests({
        proxy,
        start: async () => {
          written.length = 0;
          const client = await spawnClient(new URL("./fixtures/puts-three.mjs", import.meta.url), [proxy.url]);
          expect(await client.receive()).toBe("ready");
          return client;
        },
        order: "go",
        check: async () => {
          left.push(written.join(""));
        },
      });
    } finally {
      await proxy.close();
      server.closeAllConnections();
      server.close();
    }
    expect(left).toEqual(["", "/1", "/1", "/1/2", "/1/2", "/1/2/3"]);
  });
});
