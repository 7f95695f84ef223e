import { inspect } from "node:util";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type ChatStoreErrorCode, chatStoreError, isChatStoreError } from "../src/errors.js";

afterEach(() => vi.resetModules());

describe("isChatStoreError", () => {
  it("knows an error, and its code", () => {
    const error = chatStoreError("CONFLICT", "Used before.");
    expect(isChatStoreError(error)).toBe(true);
    expect(isChatStoreError(error, "CONFLICT")).toBe(true);
    expect(isChatStoreError(error, "UNAVAILABLE")).toBe(false);
  });

  it("knows an error of another copy of the package", async () => {
    vi.resetModules();
    const other = await import("../src/errors.js");
    expect(other.chatStoreError).not.toBe(chatStoreError);
    const error = other.chatStoreError("CLOSED", "Closed.");
    expect(Object.getPrototypeOf(error)).not.toBe(Object.getPrototypeOf(chatStoreError("CLOSED", "Closed.")));
    expect(isChatStoreError(error, "CLOSED")).toBe(true);
    expect(other.isChatStoreError(chatStoreError("CLOSED", "Closed."), "CLOSED")).toBe(true);
  });

  it.each<[string, unknown]>([
    ["undefined", undefined],
    ["null", null],
    ["text", "ChatStoreError"],
    ["a number", 0],
    ["a symbol", Symbol.for("chatkeep.ChatStoreError")],
    ["an object", {}],
    ["an object without a prototype", Object.create(null)],
    ["what looks like one", { name: "ChatStoreError", code: "CONFLICT", message: "x" }],
    ["another error", Object.assign(new Error("x"), { name: "ChatStoreError", code: "CONFLICT" })],
    ["its own JSON", JSON.parse(JSON.stringify(chatStoreError("CONFLICT", "x")))],
    ["a function", chatStoreError],
  ])("refuses %s", (_name, value) => {
    expect(isChatStoreError(value)).toBe(false);
    expect(isChatStoreError(value, "CONFLICT")).toBe(false);
  });
});

describe("a ChatStoreError", () => {
  it("is an Error with name, code, outcome, key and a stack that begins where it was made", () => {
    const error = chatStoreError("UNAVAILABLE", "No answer.", { outcome: "unknown", key: "k" });
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe("ChatStoreError");
    expect(String(error)).toBe("ChatStoreError: No answer.");
    expect({ ...error }).toEqual({ code: "UNAVAILABLE", outcome: "unknown", key: "k" });
    expect(error.stack).toMatch(/^ChatStoreError: No answer\.\n\s+at .*errors\.test\.ts/);
    expect(inspect(error)).toContain("ChatStoreError: No answer.");
  });

  it("has neither outcome nor key when it is of no write and no conversation", () => {
    const error = chatStoreError("INVALID_ARGUMENT", "limit must be an integer.", {
      outcome: undefined,
      key: undefined,
    });
    expect("outcome" in error).toBe(false);
    expect("key" in error).toBe(false);
    expect(error.cause).toBeUndefined();
  });

  it("has a JSON form that a log can hold", () => {
    const error = chatStoreError("UNAVAILABLE", "No answer.", { outcome: "not-applied", key: "k" });
    expect(JSON.parse(JSON.stringify({ error }))).toEqual({
      error: { name: "ChatStoreError", code: "UNAVAILABLE", message: "No answer.", outcome: "not-applied", key: "k" },
    });
    const bare = { name: "ChatStoreError", code: "CLOSED", message: "Closed." };
    expect(JSON.parse(JSON.stringify(chatStoreError("CLOSED", "Closed.")))).toEqual(bare);
  });

  it("narrows for TypeScript", () => {
    const error: unknown = chatStoreError("CONFLICT", "x");
    if (!isChatStoreError(error)) throw error;
    const code: ChatStoreErrorCode = error.code;
    expect(code).toBe("CONFLICT");
  });
});
