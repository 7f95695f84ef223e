import { inspect } from "node:util";
import { expect } from "vitest";
import { type ChatStoreError, type ChatStoreErrorCode, isChatStoreError } from "../../src/errors.js";

/** What a call throws or rejects with. Fails when it doesn't, or with anything but a ChatStoreError. */
export async function failureOf(call: () => unknown, code?: ChatStoreErrorCode): Promise<ChatStoreError> {
  let failure: unknown;
  try {
    await call();
  } catch (error) {
    failure = error;
  }
  if (!isChatStoreError(failure)) throw new Error(`No ChatStoreError was thrown, but ${inspect(failure)}`);
  if (code !== undefined) expect(failure.code, failure.message).toBe(code);
  return failure;
}

/** All that a log could hold of a value. */
export function everythingShownOf(value: unknown): string {
  const stack = value instanceof Error ? `${value.stack}\n${value.message}\n${String(value.cause)}` : "";
  return `${stack}\n${JSON.stringify(value)}\n${inspect(value, { depth: 20, showHidden: true, getters: true })}`;
}
