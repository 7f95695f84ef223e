// A worker that runs the kit: its subject is what the bundler puts for "subject", its connection what is posted to it.
import { subject } from "subject";
import { runKit } from "./run-kit.mjs";

const worker = {
  async fetch(request) {
    if (request.method === "GET") return new Response("ready");
    return Response.json(await runKit(subject(await request.json())));
  },
};

// biome-ignore lint/style/noDefaultExport: it makes the module a worker.
export default worker;
