import { request } from "node:http";
import { text } from "node:stream/consumers";
import { startWorkerd, workerdVersion } from "@chatkeep/test-servers";
import { bundle } from "./bundle.js";
import type { Report } from "./report.js";
import type { StoreName } from "./stores.js";

/** In a Cloudflare Worker, without Node's modules. */
export async function inWorkerd(project: string, store: StoreName, connection: object): Promise<Report> {
  const script = await bundle(project, "worker-entry.mjs", store, ["workerd", "worker"]);
  const server = await startWorkerd(script, { compatibilityDate: "2024-11-11" });
  try {
    const answer = await post(server.url, JSON.stringify(connection));
    return { version: workerdVersion, ...(JSON.parse(answer) as Omit<Report, "version">) };
  } finally {
    await server.stop();
  }
}

/** By `http`, since `fetch` gives up on an answer that takes longer than five minutes. */
function post(url: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: "POST" }, (response) => text(response).then(resolve, reject));
    sent.on("error", reject).end(body);
  });
}
