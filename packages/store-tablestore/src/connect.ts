import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { Connection, Settings } from "./options.js";
import { Requests } from "./requests.js";
import { loadSdk } from "./sdk.js";

/** A client that was handed in, or one of our own that is made when it is first needed. */
export class Connected {
  readonly #client: Settings["client"];
  #agent: HttpAgent | undefined;
  #requests: Promise<Requests> | undefined;

  constructor(client: Settings["client"]) {
    this.#client = client;
  }

  requests(): Promise<Requests> {
    this.#requests ??= this.#connect();
    return this.#requests;
  }

  /** Closes the connections of our own client. */
  close(): void {
    this.#agent?.destroy();
  }

  async #connect(): Promise<Requests> {
    const sdk = await loadSdk();
    if ("getRow" in this.#client) return new Requests(sdk, this.#client);
    const { endpoint, instanceName, accessKeyId, accessKeySecret, securityToken }: Connection = this.#client;
    // The SDK's own opens a connection for each https request.
    this.#agent = endpoint.startsWith("https:")
      ? new HttpsAgent({ keepAlive: true })
      : new HttpAgent({ keepAlive: true });
    const client = new sdk.Client({
      endpoint,
      instancename: instanceName,
      accessKeyId,
      accessKeySecret,
      securityToken,
      // No maxRetries: it would hold for every other client in the process.
      httpOptions: { agent: this.#agent },
    });
    return new Requests(sdk, client);
  }
}
