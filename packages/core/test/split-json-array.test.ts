import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { splitJsonArray } from "../src/messages/json.js";

describe("the items of a JSON array, as they stand in it", () => {
  test("are found whatever they hold, and however they are spaced", () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.constantFrom(0, 1, "\t"), (list, space) => {
        const items = splitJsonArray(JSON.stringify(list, null, space));
        expect(items?.map((item) => JSON.parse(item))).toEqual(list.map((item) => JSON.parse(JSON.stringify(item))));
      }),
      { numRuns: 1000 },
    );
  });

  test("keep their text", () => {
    expect(splitJsonArray(' [ {"a": 1.0, "b": [1, 2]} ,"],\\\\", 1e2, NaN,[[]], {} ] ')).toEqual([
      '{"a": 1.0, "b": [1, 2]}',
      '"],\\\\"',
      "1e2",
      "NaN",
      "[[]]",
      "{}",
    ]);
    expect(splitJsonArray("[]")).toEqual([]);
    expect(splitJsonArray(" [ \n ] ")).toEqual([]);
  });

  test.each(["", "{}", '"[]"', "[", "[1,]", "[1] 2", "null", "[1 2]"])("are none in %j", (text) => {
    expect(splitJsonArray(text)).toBeUndefined();
  });
});
