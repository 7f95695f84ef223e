import { describe, expect, it } from "vitest";
import { checkNames } from "../src/index.js";
import { encodeName, escapeGlob, slotOf, tagLike } from "../src/names.js";

const odd = [
  "",
  "a",
  "A",
  "~",
  "~7E",
  "a}b",
  "{",
  "}",
  "{}",
  "{}x",
  "{a}",
  "x{a}y",
  "{a{b}",
  "}{",
  "*?[a]\\",
  "é",
  "\u0000",
  "😀 ",
  "k:1",
];

describe("names", () => {
  it("encodes injectively, in few characters", () => {
    const encoded = odd.map(encodeName);
    expect(new Set(encoded).size).toBe(odd.length);
    for (const each of encoded) expect(each).toMatch(/^[A-Za-z0-9._~-]*$/);
    expect(encodeName("user-1.a_b")).toBe("user-1.a_b");
    expect(encodeName("~é")).toBe("~7E~C3~A9");
  });

  it("escapes what a glob would take for a wildcard", () => {
    expect(escapeGlob("a*b?[c]\\")).toBe("a\\*b\\?\\[c\\]\\\\");
  });

  it("knows a key's slot in a Cluster", () => {
    // Cluster specification, "Key distribution model" and "Hash tags", and what a server's CLUSTER KEYSLOT says.
    expect(slotOf("123456789")).toBe(0x31c3);
    expect(slotOf("foo")).toBe(12_182);
    expect(slotOf("{user1000}.following")).toBe(slotOf("user1000"));
    expect(slotOf("foo{}{bar}")).not.toBe(slotOf("bar"));
    expect(slotOf("foo{{bar}}zap")).toBe(slotOf("{bar"));
    expect(slotOf("foo{bar}{zap}")).toBe(slotOf("bar"));
  });

  it("names what is beside a bare key so that it is in its slot, whatever braces the key has", () => {
    for (const key of odd.slice(1)) expect(slotOf(`guard:${tagLike(key)}${key}`), key).toBe(slotOf(key));
  });

  it("refuses a prefix that would change slots, and one of the store's own names", () => {
    expect(checkNames({})).toEqual({ layout: "chatkeep", keyPrefix: "chatkeep:" });
    expect(checkNames({ layout: "llamaindex" })).toEqual({ layout: "llamaindex", keyPrefix: "" });
    expect(checkNames({ keyPrefix: "" })).toEqual({ layout: "chatkeep", keyPrefix: "" });
    for (const keyPrefix of ["{", "a}", "{}", "\ud800", 5, "x".repeat(257)]) {
      expect(() => checkNames({ keyPrefix })).toThrow("keyPrefix");
    }
    expect(() => checkNames({ layout: "llamaindex", keyPrefix: "chatkeep:x" })).toThrow("keyPrefix");
    expect(() => checkNames({ layout: "other" })).toThrow("layout");
  });
});
