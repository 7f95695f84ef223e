import { createServer, type Server } from "node:net";

export const LOOPBACK = "127.0.0.1";

// Below Linux's ephemeral range (32768 and up), so that no outgoing connection takes the port of a server that is down
// for a restart; and low enough for Redis Cluster, whose bus is at the port + 10000.
const FIRST = 15_000;
const LAST = 31_999;

async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once("error", () => resolve(false));
    probe.listen(port, LOOPBACK, () => probe.close(() => resolve(true)));
  });
}

/** Ports that were free a moment ago. Another process may be quicker: whoever listens has to be ready to ask again. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  for (let tries = 0; ports.size < count; tries++) {
    if (tries > 1_000) throw new Error(`no ${count} free ports between ${FIRST} and ${LAST}`);
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST + 1));
    if (!ports.has(port) && (await isFree(port))) ports.add(port);
  }
  return [...ports];
}

/** Makes a server listen on a free port of loopback, or on the given one, and gives the port. */
export async function listen(server: Server, port?: number): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const [wanted = 0] = port === undefined ? await freePorts(1) : [port];
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(wanted, LOOPBACK, () => {
          server.off("error", reject);
          resolve();
        });
      });
      return wanted;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE" || port !== undefined || attempt === 5) throw error;
    }
  }
}
