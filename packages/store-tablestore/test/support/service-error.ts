import type { HttpFault } from "@chatkeep/test-servers";

/** An answer as the service words it: a protobuf message of two texts, its code and what it says. */
export function serviceError(status: number, code: string, message = `Injected: ${code}.`) {
  const body = Buffer.concat([field(1, code), field(2, message)]);
  return { kind: "respond", answer: { status, body } } satisfies HttpFault;
}

function field(number: number, text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
}
