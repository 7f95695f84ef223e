/** The part of any command's middleware stack that is used here; the SDK's own types differ with each command. */
interface Watchable {
  middlewareStack: {
    add(
      middleware: (next: (args: unknown) => Promise<Reply>) => (args: unknown) => Promise<Reply>,
      options: { step: "deserialize"; priority: "low"; name: string },
    ): void;
  };
}

interface Reply {
  response?: { headers?: Record<string, string | undefined> | undefined } | undefined;
}

/**
 * DynamoDB's time, from the `Date` of its replies, so that clients with wrong clocks agree when a conversation expires.
 * Where the local clock can be right, as far as replies tell, it is believed: replies have whole seconds only.
 */
export class ServiceClock {
  /** Between these lies the number of milliseconds by which the service is ahead. */
  #least = Number.NEGATIVE_INFINITY;
  #most = Number.POSITIVE_INFINITY;

  now(): number {
    return Date.now() + Math.min(Math.max(0, this.#least), this.#most);
  }

  /** Takes note of a reply to a request that was sent at `sent`. */
  note(date: string | undefined, sent: number, received = Date.now()): void {
    const second = Date.parse(date ?? "");
    if (Number.isNaN(second)) return;
    const least = second - received;
    const most = second + 999 - sent;
    if (least > this.#most || most < this.#least) {
      // One of the clocks was set: what was known is of no use.
      this.#least = least;
      this.#most = most;
    } else {
      this.#least = Math.max(this.#least, least);
      this.#most = Math.min(this.#most, most);
    }
  }

  /** Makes a command note the time of its replies. On the command, because a client may not be ours to change. */
  watch<Command extends object>(command: Command): Command {
    const { middlewareStack } = command as unknown as Watchable;
    middlewareStack.add(
      (next) => async (args) => {
        const sent = Date.now();
        const reply = await next(args);
        this.note(reply.response?.headers?.date, sent);
        return reply;
      },
      // Innermost, so that each try of the SDK's own counts by itself, and an answer that is an error too.
      { step: "deserialize", priority: "low", name: "chatkeepServiceClock" },
    );
    return command;
  }
}
