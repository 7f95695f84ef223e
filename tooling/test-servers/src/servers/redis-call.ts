import { connect } from "node:net";

/** One command to a Redis without TLS or password, for what test servers ask of each other; no client is needed for it. */
export function redisCall(server: { host: string; port: number }, ...command: string[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: server.host, port: server.port, timeout: 5_000 });
    let received = "";
    socket.setEncoding("latin1");
    socket.on("connect", () => {
      const parts = command.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`);
      socket.write(`*${command.length}\r\n${parts.join("")}`);
    });
    socket.on("data", (data: string) => {
      received += data;
      const reply = parse(received, 0);
      if (reply === undefined) return;
      socket.destroy();
      if (reply.value instanceof Error) reject(reply.value);
      else resolve(reply.value);
    });
    socket.on("timeout", () => socket.destroy(new Error("Redis did not answer in time")));
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("Redis closed the connection")));
  });
}

/** A reply of RESP2 that begins at `at`; undefined while it is not whole. */
function parse(text: string, at: number): { value: unknown; end: number } | undefined {
  const line = text.indexOf("\r\n", at);
  if (line < 0) return undefined;
  const rest = text.slice(at + 1, line);
  const next = line + 2;
  switch (text.charAt(at)) {
    case "+":
      return { value: rest, end: next };
    case "-":
      return { value: new Error(rest), end: next };
    case ":":
      return { value: Number(rest), end: next };
    case "$": {
      const length = Number(rest);
      if (length < 0) return { value: null, end: next };
      if (text.length < next + length + 2) return undefined;
      return { value: text.slice(next, next + length), end: next + length + 2 };
    }
    case "*": {
      const values: unknown[] = [];
      let end = next;
      for (let i = 0; i < Number(rest); i++) {
        const item = parse(text, end);
        if (item === undefined) return undefined;
        values.push(item.value);
        end = item.end;
      }
      return { value: values, end };
    }
    default:
      return { value: new Error("not a reply of Redis"), end: next };
  }
}
