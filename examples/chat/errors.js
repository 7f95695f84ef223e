// @ts-check
// What a user is told when something fails: a code for programs, and a plain sentence that gives nothing away.
import { isChatStoreError } from "@chatkeep/chat-store-core";
import { longestText } from "./conversation.js";
import { ModelError } from "./model.js";

/** Why this server itself refuses a request. */
export class Refusal extends Error {
  /** @param {"BAD_REQUEST" | "TOO_LARGE" | "NO_USER" | "FOREIGN" | "NOT_FOUND" | "BUSY"} code */
  constructor(code) {
    super(code);
    this.code = code;
  }
}

/** @type {Record<string, [status: number, text: string]>} */
const told = {
  BAD_REQUEST: [400, "This is no request that the server knows."],
  TOO_LARGE: [413, `This is too long. A message has at most ${longestText.toLocaleString("en-US")} bytes.`],
  NO_USER: [401, "The server doesn't know you. Load the page again."],
  FOREIGN: [403, "Another site may not do this."],
  NOT_FOUND: [404, "There is no such thing here (any more)."],
  BUSY: [409, "Something else is happening in this conversation. Wait for it, then try again."],
  MODEL: [502, "The model gave no answer, or only a part of one. Try again."],
  // Of the store:
  INVALID_ARGUMENT: [400, "This is no request that the store knows."],
  MESSAGE_TOO_LARGE: [413, "This is too long."],
  CONFLICT: [409, "The conversation has changed meanwhile. Load it again."],
  UNAVAILABLE: [503, "Messages can't be kept or read at the moment. Try again, nothing is doubled."],
};

/** @param {unknown} error */
export function explain(error) {
  const known = error instanceof Refusal || error instanceof ModelError || isChatStoreError(error);
  const code = known ? error.code : "INTERNAL";
  const [status, text] = told[code] ?? [500, "Something is wrong with the server."];
  // The errors of stores and of models hold no content and no credentials.
  if (status >= 500) console.error(error);
  return { status, body: { code, text } };
}
