import { connect, type Socket } from "node:net";

/** A reply of Redis, RESP 2. Status and bulk string are told apart, as most clients don't. */
export type Reply = number | null | Buffer | { readonly status: string } | { readonly error: string } | Reply[];

export type Argument = string | Buffer;

const CRLF = Buffer.from("\r\n");

function encode(command: readonly Argument[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${command.length}\r\n`)];
  for (const argument of command) {
    const bytes = typeof argument === "string" ? Buffer.from(argument) : argument;
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, CRLF);
  }
  return Buffer.concat(parts);
}

/** Takes the bytes of replies as they come, and gives the replies that are complete. */
class Parser {
  #arrived: Buffer[] = [];
  #length = 0;
  /** Fewer bytes than this don't complete anything. */
  #least = 0;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  *feed(bytes: Buffer): Generator<Reply> {
    this.#arrived.push(bytes);
    this.#length += bytes.length;
    if (this.#length < this.#least) return;
    this.#bytes = Buffer.concat(this.#arrived);
    for (this.#at = 0; ; ) {
      const start = this.#at;
      this.#least = 0;
      const reply = this.#next();
      if (reply !== undefined) {
        yield reply;
        continue;
      }
      this.#arrived = [this.#bytes.subarray(start)];
      this.#length -= start;
      this.#least -= start;
      return;
    }
  }

  #line(): string | undefined {
    const end = this.#bytes.indexOf(CRLF, this.#at);
    if (end < 0) return undefined;
    const line = this.#bytes.toString("utf8", this.#at, end);
    this.#at = end + 2;
    return line;
  }

  /** Undefined: there is more to come. */
  #next(): Reply | undefined {
    const line = this.#line();
    if (line === undefined) return undefined;
    const rest = line.slice(1);
    switch (line[0]) {
      case "+":
        return { status: rest };
      case "-":
        return { error: rest };
      case ":":
        return Number(rest);
      case "$": {
        const length = Number(rest);
        if (length < 0) return null;
        const end = this.#at + length;
        if (this.#bytes.length < end + 2) {
          this.#least = end + 2;
          return undefined;
        }
        const text = this.#bytes.subarray(this.#at, end);
        this.#at = end + 2;
        return text;
      }
      case "*": {
        const length = Number(rest);
        if (length < 0) return null;
        const list: Reply[] = [];
        while (list.length < length) {
          const item = this.#next();
          if (item === undefined) return undefined;
          list.push(item);
        }
        return list;
      }
      default:
        throw new Error(`no reply of Redis begins with ${JSON.stringify(line[0])}`);
    }
  }
}

interface Waiting {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A connection to Redis that never sends anything twice: what was under way when it broke is rejected. It connects again
 * with the next command.
 */
export class RespConnection {
  readonly #port: number;
  readonly #host: string;
  readonly #hello: readonly Argument[] | undefined;
  #socket: Socket | undefined;
  #waiting: Waiting[] = [];

  /** `hello` is sent first on each connection; its reply is not looked at. */
  constructor(server: { readonly host: string; readonly port: number }, hello?: readonly Argument[]) {
    this.#host = server.host;
    this.#port = server.port;
    this.#hello = hello;
  }

  async send(command: readonly Argument[]): Promise<Reply> {
    const [reply] = await Promise.all(this.sendTogether([command]));
    return reply ?? null;
  }

  /** Several, with no other command of this connection in between. */
  sendTogether(commands: readonly (readonly Argument[])[]): Promise<Reply>[] {
    const socket = this.#connected();
    socket.write(Buffer.concat(commands.map(encode)));
    return commands.map(() => new Promise<Reply>((resolve, reject) => this.#waiting.push({ resolve, reject })));
  }

  close(): void {
    this.#socket?.destroy();
  }

  #connected(): Socket {
    if (this.#socket !== undefined) return this.#socket;
    const socket = connect({ host: this.#host, port: this.#port });
    const parser = new Parser();
    const waiting: Waiting[] = [];
    this.#socket = socket;
    this.#waiting = waiting;
    socket.on("error", () => {});
    socket.on("data", (bytes: Buffer) => {
      for (const reply of parser.feed(bytes)) waiting.shift()?.resolve(reply);
    });
    socket.once("close", () => {
      if (this.#socket === socket) this.#socket = undefined;
      for (const { reject } of waiting) reject(new Error("the connection to Redis broke"));
    });
    if (this.#hello !== undefined) {
      socket.write(encode(this.#hello));
      waiting.push({ resolve: () => {}, reject: () => {} });
    }
    return socket;
  }
}
