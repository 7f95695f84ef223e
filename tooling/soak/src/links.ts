import {
  type FaultRates,
  httpProxy,
  type RandomFaultSettings,
  randomFaults,
  tcpProxy,
  through,
} from "@chatkeep/test-servers";
import type { Link } from "./subject.js";

/** What `open` gets of the links below. */
export interface UrlConnection {
  readonly url: string;
}

/** A client's way to a server by TCP; its `connection` is the server's URL through the proxy. */
export async function tcpLink(
  server: { readonly host?: string; readonly port: number; readonly url: string },
  seed: number,
  rates: FaultRates,
  settings?: RandomFaultSettings,
): Promise<Link> {
  const faults = randomFaults(seed, rates, settings);
  faults.enabled = false;
  const proxy = await tcpProxy(server, { seed });
  proxy.always(faults.tcp());
  const connection: UrlConnection = { url: through(server.url, proxy) };
  return {
    connection,
    faults,
    intercept: proxy.intercept,
    // Bytes that were forwarded are the server's; whoever reads later may see them late, which is allowed.
    settled: async () => {},
    close: proxy.close,
  };
}

/** A client's way to a server by HTTP; its `connection` is the proxy's URL. */
export async function httpLink(
  url: string,
  seed: number,
  rates: FaultRates,
  settings?: RandomFaultSettings,
): Promise<Link> {
  const faults = randomFaults(seed, rates, settings);
  faults.enabled = false;
  const proxy = await httpProxy(url);
  proxy.always(faults.http());
  const connection: UrlConnection = { url: proxy.url };
  return { connection, faults, intercept: proxy.intercept, settled: proxy.settled, close: proxy.close };
}
