import { describe, expect, it } from "vitest";
import { nameOf, nameRanges } from "../src/keys.js";
import { toItem, toPayload } from "../src/llamaindex-entity.js";
import { fromParts, toParts } from "../src/parts.js";
import { headRow, parseRowId, rowIdOf } from "../src/row-ids.js";
import { numberOf, rowKeyBetween, rowKeyOf } from "../src/row-keys.js";

describe("names of keys", () => {
  const keys = [
    "a",
    "A",
    "a/b",
    "a~2Fb",
    "a\\b",
    "a#b",
    "a?b",
    "a%b",
    "a'b",
    "é",
    "e\u0301",
    "\u0000",
    "\u007f",
    " ",
    "k-",
    "😀",
  ];

  it("are the service's own signs only, and no two are the same", () => {
    const names = keys.map((key) => nameOf(key, 512).name);
    expect(new Set(names).size).toBe(keys.length);
    for (const name of names) expect(name).toMatch(/^k-[\w.~-]+$/);
  });

  it("are hashes where they would be too long", () => {
    expect(nameOf("x".repeat(510), 512)).toMatchObject({ hashed: false });
    expect(nameOf("x".repeat(511), 512)).toMatchObject({
      name: expect.stringMatching(/^h-[0-9a-f]{64}$/),
      hashed: true,
    });
    expect(nameOf("é".repeat(256), 255).name).not.toBe(nameOf("è".repeat(256), 255).name);
  });

  it("lie in the range of each prefix", () => {
    for (const key of keys) {
      for (const prefix of ["", key]) {
        const { name } = nameOf(key, 255);
        expect(nameRanges(prefix, 255).some(({ from, before }) => from <= name && name < before)).toBe(true);
      }
    }
    expect(
      nameRanges("b", 255)
        .slice(0, 1)
        .some(({ from, before }) => from <= "k-a" && "k-a" < before),
    ).toBe(false);
  });
});

describe("RowKeys of messages", () => {
  // In the order in which they are to be listed: as the head protocol names single messages, copies and staged sets.
  const sources = ["m-P7LDq29-EQN", "c-P7LDq29-EQN", "c_zz-09AZ_az9", "b0mwx35epqQ7-_z09A", "b0a00000004zzzzzzz"];
  const addresses = sources.flatMap((source) =>
    [10 ** 15 - 1, 17, 16, 0].flatMap((index) => [0, 1, 9999].map((part) => ({ source, index, part }))),
  );

  it("tell the message again", () => {
    for (const address of addresses) expect(parseRowId(rowIdOf(address))).toEqual(address);
    expect(parseRowId(headRow)).toBeUndefined();
  });

  it("sort behind the head, the newest first", () => {
    const names = [headRow, ...addresses.map(rowIdOf)];
    expect(names.toSorted()).toEqual(names);
  });
});

describe("text in Binary properties", () => {
  it.each([0, 1, 61_440, 61_441, 700_000])("of %i bytes is whole again", (length) => {
    const text = "é".repeat(length / 2) + (length % 2 === 0 ? "" : "x");
    const parts = toParts(text);
    for (const part of Object.values(parts)) expect(part.length).toBeLessThanOrEqual(64 * 1024);
    expect(fromParts(parts)).toBe(text);
  });

  it("is refused beyond 1 MiB, and not read when a part is torn", () => {
    expect(() => toParts("x".repeat(1024 * 1024))).toThrow(/1 MiB/);
    expect(fromParts({ Body0: Buffer.from("é").subarray(0, 1) })).toBeUndefined();
  });
});

describe("RowKeys between Python's", () => {
  it("there is always room", () => {
    let low = rowKeyOf(3);
    const high = rowKeyOf(4);
    for (let i = 0; i < 200; i++) {
      const between = rowKeyBetween(low, high);
      expect(low < between && between < high, `${low} ${between} ${high}`).toBe(true);
      low = between;
    }
    let top = high;
    for (let i = 0; i < 200; i++) {
      const between = rowKeyBetween(rowKeyOf(3), top);
      expect(rowKeyOf(3) < between && between < top, `${between} ${top}`).toBe(true);
      expect(numberOf(between)).toBe(3);
      top = between;
    }
    expect(rowKeyBetween(rowKeyOf(3), rowKeyOf(5))).toBe(rowKeyOf(4));
  });
});

describe("LlamaIndex's entities", () => {
  it("hold what Python's json.dumps writes, in parts as Python cuts them", () => {
    const blocks = [{ block_type: "text", text: "é😀\u007f".repeat(5_000) }];
    const payload = JSON.stringify({ role: "user", additional_kwargs: {}, blocks, id: "1", more: [1, "2"] });
    const { properties } = toItem(payload);
    expect(properties.role).toBe('"user"');
    expect(properties.additional_kwargs).toBe("{}");
    expect(Object.keys(properties).filter((name) => name.startsWith("blocks"))).toEqual([
      "blocks_part_1",
      "blocks_part_2",
      "blocks_part_3",
      "blocks_part_4",
    ]);
    expect(String(properties.blocks_part_1)).toHaveLength(32_767);
    expect(String(properties.blocks_part_2)).toHaveLength(32_768);
    expect(JSON.parse(toPayload({ properties }))).toEqual(JSON.parse(payload));
  });

  it("that are too large are refused", () => {
    const blocks = [{ block_type: "text", text: "é".repeat(90_000) }];
    expect(() => toItem(JSON.stringify({ role: "user", additional_kwargs: {}, blocks }))).toThrow(/1 MiB/);
  });
});
