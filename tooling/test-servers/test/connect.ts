import { Redis } from "ioredis";

/** Of ioredis's own options, whose type is at odds with exactOptionalPropertyTypes. */
export interface ConnectOptions {
  readonly username?: string;
  readonly password?: string;
  readonly enableReadyCheck?: boolean;
  readonly tls?: { readonly ca: string };
  readonly maxRetriesPerRequest?: number;
  readonly commandTimeout?: number;
  readonly retryStrategy?: (times: number) => number | null;
}

const clients: Redis[] = [];

/** An ioredis client that reconnects fast. */
export function connectTo(url: string, options: ConnectOptions = {}): Redis {
  const client = new Redis(url, { retryStrategy: () => 20, ...options });
  client.on("error", () => {});
  clients.push(client);
  return client;
}

export function disconnectAll(): void {
  for (const client of clients.splice(0)) client.disconnect();
}
