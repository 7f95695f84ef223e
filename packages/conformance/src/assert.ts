import type { ChatStoreError, ChatStoreErrorCode } from "@chatkeep/chat-store-core";
import { isChatStoreError } from "@chatkeep/chat-store-core";

/** The kit runs under any test runner and in any runtime, so it brings the few assertions that it needs. */
function fail(message: string): never {
  throw new Error(message);
}

export function check(condition: boolean, message: string): asserts condition {
  if (!condition) fail(message);
}

export function checkEqual(actual: unknown, expected: unknown, what: string): void {
  const difference = findDifference(actual, expected, "");
  if (difference !== undefined) fail(`${what}: ${difference}`);
}

/** Where two values of JSON (and undefined) differ, and how; undefined when they don't. */
function findDifference(actual: unknown, expected: unknown, path: string): string | undefined {
  if (Object.is(actual, expected)) return undefined;
  if (isObject(actual) && isObject(expected) && Array.isArray(actual) === Array.isArray(expected)) {
    if (Array.isArray(actual) && Array.isArray(expected) && actual.length !== expected.length) {
      return `${path || "it"} has ${actual.length} items, not ${expected.length}: ${show(actual)} instead of ${show(expected)}`;
    }
    for (const name of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
      const difference = findDifference(
        ownMember(actual, name),
        ownMember(expected, name),
        `${path}[${JSON.stringify(name)}]`,
      );
      if (difference !== undefined) return difference;
    }
    return undefined;
  }
  return `${path || "it"} is ${show(actual)}, not ${show(expected)}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** A member that is absent and one that is undefined are the same to a reader. */
function ownMember(object: Record<string, unknown>, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

export function show(value: unknown): string {
  const text = typeof value === "bigint" ? `${value}n` : (JSON.stringify(value) ?? String(value));
  return text.length > 200 ? `${text.slice(0, 200)}… (${text.length} characters)` : text;
}

/** Appears in what the kit writes where an error must not repeat it. */
export const contentMarker = "content-that-no-error-may-hold";

/** The error that a promise rejects with: one of the code that is expected, and clean of content and secrets. */
export async function rejection(
  promise: Promise<unknown>,
  code: ChatStoreErrorCode,
  secrets: readonly string[] = [],
): Promise<ChatStoreError> {
  const error = await promise.then(
    (answer) => fail(`It was answered with ${show(answer)} and should have been refused with ${code}.`),
    (reason: unknown) => reason,
  );
  if (!isChatStoreError(error)) throw error;
  checkClean(error, secrets);
  check(error.code === code, `It was refused with ${error.code}, not ${code}: ${error.message}`);
  return error;
}

/** That an error shows nothing of what was to be stored, or of how the store is connected. */
export function checkClean(error: Error, secrets: readonly string[]): void {
  const shown = [error.message, error.stack, JSON.stringify(error), deepText(error, 0)].join("\n");
  for (const secret of [contentMarker, ...secrets]) {
    check(!shown.includes(secret), "The error holds content or a secret, in its message, its stack or a member.");
  }
}

/** All text that an inspection could reach, with members that are not enumerable, and causes. */
function deepText(value: unknown, depth: number): string {
  if (typeof value === "string") return value;
  if (!isObject(value) || depth > 6) return "";
  return Object.getOwnPropertyNames(value)
    .map((name) => `${name} ${deepText(value[name], depth + 1)}`)
    .join("\n");
}
