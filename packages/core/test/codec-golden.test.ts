import { describe, expect, it } from "vitest";
import { decodeMessage, encodeMessage } from "../src/messages/codec.js";
import { pythonText, textOf } from "../src/messages/helpers.js";
import type { JsonObject, JsonValue } from "../src/messages/message.js";
import { stringifySpaced } from "../src/messages/spaced-json.js";
import { failureOf } from "./support/errors.js";
import { golden } from "./support/golden.js";

interface GoldenInput {
  name: string;
  input?: JsonValue;
  /** Instead of `input`, where JavaScript could not write the very text. */
  inputText?: string;
}
interface GoldenMessage extends GoldenInput {
  /** Python's `model_dump_json()`. */
  compact: string;
  /** Python's `json.dumps(model_dump())`, null when that fails. */
  spaced: string | null;
  content: string | null;
}
const { messages, refused, loneSurrogates } = golden<{
  messages: GoldenMessage[];
  refused: GoldenInput[];
  loneSurrogates: GoldenInput[];
}>("messages.json");

const textOfInput = ({ input, inputText }: GoldenInput) => inputText ?? JSON.stringify(input);

/** Where Python writes something else than it read, and we don't. Nothing that was read may be missing then. */
const keptAsItWas: Record<string, string[]> = {
  "Python guesses the type from bytes, path or url": [
    "block image, base64 without a mimetype",
    "block image, path",
    "block image, data url",
    "block image, file url",
    "block image, object store url",
    "block audio, base64 without a format",
    "block audio, url",
    "block video, base64 without a mimetype",
    "block video, url",
    "block citation, image",
  ],
  "Python normalises urls": [
    "block image, url without a path",
    "block image, url to normalise",
    "block image, international host",
  ],
  "Python encodes what is no base64 once more": [
    "block image, not base64",
    "block image, base64 without padding",
    "block image, base64url",
    "block audio, not base64",
    "block video, not base64",
  ],
  "Python has defaults of its own": [
    "block document, none set",
    "block document, base64 without a mimetype",
    "block document, not base64",
    "block document, path",
    "block document, url",
    "block document, any text as url",
    "block document, empty title",
    "block citable, blocks",
    "block cache",
  ],
  "Python takes more than it ever writes": [
    "block video, fps as text",
    "block video, fps as a boolean",
    "block citable, text",
    "block citation, text",
    "block citation, list of one block",
    "block citation, list of one text",
    "block thinking, tokens as text",
  ],
  "Python drops what it doesn't know": ["unknown members", "unknown members in cache_control", "class_name"],
};

/** Where JavaScript's numbers and objects can't do what Python's can: the values are the same, the text is not. */
const sameValues: Record<string, string[]> = {
  "JavaScript moves names like integers to the front": ["kwargs with integer-like names"],
  "JavaScript writes 1.0 as 1, and exponents in its own way": [
    "large floats",
    "small floats",
    "floats in thinking",
    "whole numbers",
  ],
};
/** The sign of a zero is lost with the fraction. */
const withoutSignOfZero = ["whole floats"];
/** A number beyond a double reads as Infinity, and is refused when the message is written again. */
const unwritable = ["too large a float", "floats in tool arguments"];

const different = new Set(
  [keptAsItWas, sameValues].flatMap((lists) => Object.values(lists).flat()).concat(withoutSignOfZero, unwritable),
);
const named = (names: string[]) =>
  names.map((name) => {
    const message = messages.find((m) => m.name === name);
    if (message === undefined) throw new Error(`No golden message is called ${name}.`);
    return message;
  });

describe("messages that LlamaIndex Python read and wrote", () => {
  it("are many", () => {
    expect(messages.length).toBeGreaterThan(100);
    expect(refused.length).toBeGreaterThan(50);
    expect(loneSurrogates.length).toBeGreaterThan(0);
  });

  it.each(messages.filter(({ name }) => !different.has(name)))("$name: the same bytes", (message) => {
    expect(encodeMessage(decodeMessage(textOfInput(message)))).toBe(message.compact);
  });

  it.each(Object.entries(keptAsItWas))("%s, and we keep what was there", (_reason, names) => {
    for (const message of named(names)) {
      const written = encodeMessage(decodeMessage(textOfInput(message)));
      expect(written, message.name).not.toBe(message.compact);
      expect(JSON.parse(written), message.name).toMatchObject(message.input as JsonObject);
    }
  });

  it.each(Object.entries(sameValues))("%s", (_reason, names) => {
    for (const message of named(names)) {
      const written = encodeMessage(decodeMessage(textOfInput(message)));
      expect(written, message.name).not.toBe(message.compact);
      expect(JSON.parse(written), message.name).toEqual(JSON.parse(message.compact));
    }
  });

  it("a negative zero loses its sign", () => {
    for (const message of named(withoutSignOfZero)) {
      const written = encodeMessage(decodeMessage(textOfInput(message)));
      expect(written).toBe(message.compact.replaceAll("-0.0", "0").replaceAll(/\.0(?=[,}])/g, ""));
    }
  });

  it("a number beyond a double can be read, and is refused when it is written", async () => {
    for (const message of named(unwritable)) {
      const decoded = decodeMessage(textOfInput(message));
      await failureOf(() => encodeMessage(decoded), "INVALID_MESSAGE");
      // As Python itself writes it, it can be both.
      const written = decodeMessage(message.compact);
      expect(decodeMessage(encodeMessage(written))).toEqual(written);
    }
  });

  it("spaced and escaped JSON reads as compact JSON does", () => {
    const spaced = messages.filter((message) => message.spaced !== null);
    expect(spaced.length).toBeGreaterThan(60);
    for (const message of spaced) {
      expect(decodeMessage(message.spaced!), message.name).toEqual(decodeMessage(message.compact));
    }
  });

  it("spaced and escaped JSON is written as Python's json.dumps does", () => {
    // json.dumps has words for what isn't a number; in its compact form it is null already.
    const skipped = new Set([...different, "not a number"]);
    const spaced = messages.filter((message) => message.spaced !== null && !skipped.has(message.name));
    expect(spaced.length).toBeGreaterThan(60);
    for (const message of spaced) {
      expect(stringifySpaced(JSON.parse(message.compact), { ascii: true }), message.name).toBe(message.spaced);
    }
  });

  it.each(messages)("$name: the content that Python sees", (message) => {
    const decoded = decodeMessage(textOfInput(message));
    expect(pythonText(decoded)).toBe(message.content ?? "None");
    expect(textOf(decoded)).toBe(message.content ?? "");
  });
});

describe("messages that LlamaIndex Python refuses", () => {
  /** Nulls that older writers left: written back without them, so that Python can read the history again. */
  const mended: Record<string, string> = {
    "kwargs null": '{"role":"user","additional_kwargs":{},"blocks":[]}',
    "block cache ttl null":
      '{"role":"user","additional_kwargs":{},"blocks":[{"block_type":"text","text":"Hello"},' +
      '{"block_type":"cache","cache_control":{"type":"ephemeral"}}]}',
    "block thinking information null":
      '{"role":"user","additional_kwargs":{},"blocks":[{"block_type":"text","text":"Hello"},' +
      '{"block_type":"thinking","content":null,"num_tokens":null,"additional_information":{}}]}',
  };

  it.each(Object.entries(mended))("%s: mended", (name, text) => {
    const entry = refused.find((candidate) => candidate.name === name)!;
    expect(encodeMessage(decodeMessage(textOfInput(entry)))).toBe(text);
  });

  it.each(refused.filter(({ name }) => !(name in mended)))("$name: corrupt, or kept whole", async (entry) => {
    let written: string;
    try {
      written = encodeMessage(decodeMessage(textOfInput(entry)));
    } catch {
      await failureOf(() => decodeMessage(textOfInput(entry)), "CORRUPT_MESSAGE");
      return;
    }
    const { content, ...rest } = entry.input as JsonObject;
    const kept = JSON.parse(written) as JsonObject;
    expect(kept).toMatchObject(content === undefined ? rest : { ...rest, blocks: content });
  });

  it("roles, members and blocks that are of no use are corrupt", async () => {
    const corrupt = ["role unknown", "role null", "kwargs a list", "blocks null", "blocks a text", "a list", "null"];
    corrupt.push("block null", "block a text", "content a list of texts");
    for (const name of corrupt) {
      const entry = refused.find((candidate) => candidate.name === name)!;
      await failureOf(() => decodeMessage(textOfInput(entry)), "CORRUPT_MESSAGE");
    }
  });

  it.each(loneSurrogates)("$name: kept", (entry) => {
    const text = textOfInput(entry);
    const decoded = decodeMessage(text);
    expect(JSON.stringify(decoded)).toContain(/\\u(d[0-9a-f]{3})/.exec(text)![0]);
    expect(decodeMessage(encodeMessage(decoded))).toEqual(decoded);
  });
});
