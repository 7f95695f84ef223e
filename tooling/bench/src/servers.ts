import { type OwnServer, type ServerName, serverKinds } from "@chatkeep/test-servers";

/** Servers of the run's own, each started when it is first asked for, and the same for all who ask. */
export class Servers {
  readonly #running = new Map<ServerName, Promise<OwnServer>>();

  get(name: ServerName): Promise<OwnServer> {
    let server = this.#running.get(name);
    if (server === undefined) {
      server = serverKinds[name].start();
      this.#running.set(name, server);
    }
    return server;
  }

  async stop(): Promise<void> {
    for (const server of this.#running.values()) await (await server).stop();
    this.#running.clear();
  }
}
