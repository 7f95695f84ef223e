// What goes wrong between the store and the client, where the client itself says nothing, or not enough.

/** There was no connection to send anything on. */
export class NotConnected extends Error {
  constructor(readonly reason: Error | undefined) {
    super("There is no connection to Redis.");
  }
}

/** The client was closed by whoever made it. */
export class ClientClosed extends Error {}

/** The connection was lost while a request was under way. */
export class ConnectionLost extends Error {}

export class NoReply extends Error {
  constructor(milliseconds: number) {
    super(`Redis did not answer within ${milliseconds} ms.`);
  }
}

/** The primary has it, and fewer replicas confirmed that they have it too than `minReplicas`. */
export class TooFewReplicas extends Error {
  constructor(readonly replicas: number) {
    super("Too few replicas confirmed the write in time.");
  }
}
