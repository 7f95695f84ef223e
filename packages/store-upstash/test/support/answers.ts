import type { HttpFault } from "@chatkeep/test-servers";

/** What Upstash, or what stands before it, answers instead of a result; each a fault for `httpProxy`. */
function respond(status: number, body: string, type: string): HttpFault & { readonly kind: "respond" } {
  return { kind: "respond", answer: { status, headers: { "Content-Type": type }, body } };
}

export const refusal = (status: number, error: string) =>
  respond(status, JSON.stringify({ error }), "application/json");

export const page = (status: number, body: string) => respond(status, body, "text/html");

export const throttled = page(429, "<html><h1>429 Too Many Requests</h1></html>");

export const badGateway = page(502, "<html><h1>502 Bad Gateway</h1></html>");
