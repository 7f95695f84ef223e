import { createContext, runInContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeMessage,
  encodeMessage,
  keptAsText,
  keptCodec,
  messageFromStored,
  textCodec,
} from "../src/messages/codec.js";
import {
  type ChatMessage,
  type ChatMessageInput,
  type ContentBlock,
  type ImageBlock,
  type JsonObject,
  type JsonValue,
  type MessageRole,
  messageRoles,
} from "../src/messages/message.js";
import { everythingShownOf, failureOf } from "./support/errors.js";

const roundTrip = (message: ChatMessageInput) => decodeMessage(encodeMessage(message));
const encodeMessages = (messages: ChatMessageInput[]) =>
  messages.map((message, index) => textCodec.encode(message, ["messages", index]));
const stored = (message: ChatMessageInput) => JSON.parse(encodeMessage(message)) as JsonObject;

/** What a caller who doesn't use TypeScript may hand over. */
const untyped = (message: unknown) => message as ChatMessageInput;
const withKwargs = (value: unknown): ChatMessageInput => ({ content: "x", additionalKwargs: { a: value } });

const refusal = async (message: unknown) =>
  (await failureOf(() => encodeMessage(untyped(message)), "INVALID_MESSAGE")).message;

const fullBlocks: { [Type in ContentBlock["type"]]: Extract<ContentBlock, { type: Type }> } = {
  text: { type: "text", text: "Hello" },
  image: {
    type: "image",
    image: "AAEC",
    url: "https://a.example/b",
    path: "/c.png",
    mimeType: "image/png",
    detail: "low",
  },
  audio: { type: "audio", audio: "AAEC", url: "https://a.example/b", path: "/c.wav", format: "wav" },
  video: {
    type: "video",
    video: "AAEC",
    url: "https://a.example/b",
    path: "/c.mp4",
    mimeType: "video/mp4",
    detail: "high",
    fps: 24,
  },
  document: { type: "document", data: "AAEC", url: "u", path: "/c.pdf", title: "T", mimeType: "application/pdf" },
  cache: { type: "cache", cacheControl: { type: "ephemeral", ttl: "1h" } },
  citable: { type: "citable", title: "T", source: "S", content: [{ type: "text", text: "cited" }, { type: "image" }] },
  citation: {
    type: "citation",
    citedContent: { type: "text", text: "cited" },
    source: "S",
    title: "T",
    additionalLocationInfo: { page: 7 },
  },
  thinking: { type: "thinking", content: "hm", numTokens: 3, additionalInformation: { signature: "s" } },
  tool_call: { type: "tool_call", toolCallId: "call_1", toolName: "search", toolKwargs: { q: ["x", { deep: null }] } },
  unknown: { type: "unknown", raw: { block_type: "hologram", data: { x: [1, null] } } },
};

const bareBlocks: ContentBlock[] = [
  { type: "text", text: "" },
  { type: "image" },
  { type: "audio" },
  { type: "video" },
  { type: "document" },
  { type: "cache", cacheControl: { type: "" } },
  { type: "citable", title: "", source: "", content: [] },
  { type: "citation", citedContent: { type: "text", text: "" }, source: "", title: "", additionalLocationInfo: {} },
  { type: "thinking" },
  { type: "tool_call", toolName: "", toolKwargs: {} },
  { type: "tool_call", toolName: "", toolKwargs: "" },
  { type: "unknown", raw: {} },
];

describe("round trips", () => {
  it.each([...messageRoles] as MessageRole[])("role %s", (role) => {
    expect(roundTrip({ role, content: "Hello" })).toEqual({ role, content: "Hello" });
  });

  it.each(Object.values(fullBlocks))("a $type block with all its members", (block) => {
    const message: ChatMessage = { role: "user", content: [block, { type: "text", text: "and text" }] };
    expect(roundTrip(message)).toEqual(message);
  });

  it.each(bareBlocks)("a bare $type block", (block) => {
    const message: ChatMessage = { role: "user", content: [block, { type: "text", text: "and text" }] };
    expect(roundTrip(message)).toEqual(message);
  });

  it.each(Object.values(fullBlocks).filter(({ type }) => type !== "unknown"))(
    "a $type block's members are stored by the names that LlamaIndex has, and by no other",
    (block) => {
      const { blocks } = stored({ content: [block] }) as { blocks: [JsonObject] };
      expect(Object.keys(blocks[0]).length).toBe(Object.keys(block).length);
      expect(Object.keys(blocks[0]).every((name) => /^[a-z_]+$/.test(name))).toBe(true);
    },
  );

  it("what a caller's undefined members say is that they are absent", () => {
    const message = {
      role: undefined,
      content: [
        { type: "image", url: undefined, extra: undefined },
        { type: "thinking", content: undefined },
      ],
      additionalKwargs: { a: undefined, b: { c: undefined } },
      id: undefined,
      extra: undefined,
    } satisfies ChatMessageInput;
    expect(roundTrip(message)).toStrictEqual({
      role: "user",
      content: [{ type: "image" }, { type: "thinking" }],
      additionalKwargs: { b: {} },
    });
  });

  it("an id and tool calls in Python's older form", () => {
    const message: ChatMessage = {
      role: "assistant",
      content: [],
      additionalKwargs: { tool_calls: [{ id: "1", type: "function", function: { name: "f", arguments: "{}" } }] },
      id: "ui-17",
    };
    expect(roundTrip(message)).toEqual(message);
    expect(Object.keys(stored(message))).toEqual(["role", "additional_kwargs", "blocks", "id"]);
  });
});

describe("the normal form", () => {
  it("has text alone for one plain text block, be it empty", () => {
    for (const text of ["", "Hello"]) {
      expect(roundTrip({ content: text })).toEqual({ role: "user", content: text });
      expect(roundTrip({ content: [{ type: "text", text }] })).toEqual({ role: "user", content: text });
      expect(stored({ content: text }).blocks).toEqual([{ block_type: "text", text }]);
    }
  });

  it("has a list for no block, two text blocks, and a text block that has more", () => {
    const contents: ContentBlock[][] = [
      [],
      [
        { type: "text", text: "a" },
        { type: "text", text: "b" },
      ],
      [{ type: "text", text: "a", extra: { annotations: [] } }],
    ];
    for (const content of contents) expect(roundTrip({ content })).toEqual({ role: "user", content });
    expect(stored({ content: [] }).blocks).toEqual([]);
  });

  it("leaves empty additionalKwargs and additionalInformation out", () => {
    const message = { content: [{ type: "thinking", additionalInformation: {} }], additionalKwargs: {} } as const;
    expect(roundTrip(message)).toStrictEqual({ role: "user", content: [{ type: "thinking" }] });
  });

  it("has bytes as base64, wherever they are", () => {
    const bytes = Uint8Array.from([0, 1, 2, 253, 254, 255]);
    const part = new Uint8Array(bytes.buffer, 1, 2);
    const message: ChatMessageInput = {
      content: [
        { type: "image", image: bytes },
        { type: "audio", audio: part },
        { type: "video", video: Buffer.from(bytes) },
        { type: "document", data: new Uint8Array() },
        { type: "citable", title: "", source: "", content: [{ type: "image", image: bytes }] },
        {
          type: "citation",
          title: "",
          source: "",
          citedContent: { type: "image", image: bytes },
          additionalLocationInfo: {},
        },
      ],
    };
    expect(roundTrip(message).content).toEqual([
      { type: "image", image: "AAEC/f7/" },
      { type: "audio", audio: "AQI=" },
      { type: "video", video: "AAEC/f7/" },
      { type: "document", data: "" },
      { type: "citable", title: "", source: "", content: [{ type: "image", image: "AAEC/f7/" }] },
      {
        type: "citation",
        title: "",
        source: "",
        citedContent: { type: "image", image: "AAEC/f7/" },
        additionalLocationInfo: {},
      },
    ]);
  });

  it("has megabytes of bytes as base64, too", () => {
    const bytes = Uint8Array.from({ length: 3_000_001 }, (_, i) => (i * 7) % 256);
    const [block] = roundTrip({ content: [{ type: "image", image: bytes }] }).content as [ImageBlock];
    expect(block.image === Buffer.from(bytes).toString("base64")).toBe(true);
  });
});

describe("what this version does not know", () => {
  const future: JsonObject = {
    role: "assistant",
    additional_kwargs: {},
    blocks: [
      { block_type: "text", text: "a", annotations: [{ at: 1 }] },
      { block_type: "hologram", depth: { x: [1, { y: null }] } },
      {
        block_type: "citable",
        title: "T",
        source: "S",
        content: [
          { block_type: "image", image: null, path: null, url: null, image_mimetype: null, detail: null, hdr: true },
          { block_type: "hologram" },
        ],
        score: 0.5,
      },
      {
        block_type: "citation",
        cited_content: { block_type: "hologram", a: 1 },
        source: "S",
        title: "T",
        additional_location_info: {},
        certainty: "high",
      },
    ],
    timestamp: "2030-01-01T00:00:00Z",
    usage: { tokens: [1, 2] },
  };

  it("goes through a round trip untouched, at every level", () => {
    const decoded = decodeMessage(JSON.stringify(future));
    expect(encodeMessage(decoded)).toBe(JSON.stringify(future));
    expect(decoded.extra).toEqual({ timestamp: "2030-01-01T00:00:00Z", usage: { tokens: [1, 2] } });
    const [text, hologram, citable] = decoded.content as ContentBlock[];
    expect(text).toEqual({ type: "text", text: "a", extra: { annotations: [{ at: 1 }] } });
    expect(hologram).toEqual({ type: "unknown", raw: { block_type: "hologram", depth: { x: [1, { y: null }] } } });
    expect(citable).toMatchObject({ extra: { score: 0.5 }, content: [{ extra: { hdr: true } }, { type: "unknown" }] });
  });

  it.each<JsonObject>([
    { block_type: "text", text: 5 },
    { block_type: "text" },
    { block_type: "image", url: ["u"] },
    { block_type: "thinking", num_tokens: "12" },
    { block_type: "tool_call", tool_name: "f", tool_kwargs: [1] },
    { block_type: "cache", cache_control: { type: "ephemeral", scope: "all" } },
    { block_type: "citable", title: "T", source: "S", content: "cited" },
    { block_type: "citation", title: "T", source: "S", cited_content: "c", additional_location_info: { page: "1" } },
    { type: "text", text: "of another library" },
    { block_type: "constructor" },
    { block_type: "__proto__" },
    { block_type: null },
  ])("a block with a member that doesn't fit is kept whole: %j", (raw) => {
    const decoded = decodeMessage(JSON.stringify({ role: "user", additional_kwargs: {}, blocks: [raw] }));
    expect(decoded.content).toEqual([{ type: "unknown", raw }]);
    expect(stored(decoded).blocks).toEqual([raw]);
  });

  it("an id that is no text is kept", () => {
    const text = '{"role":"user","additional_kwargs":{},"blocks":[],"id":17}';
    const decoded = decodeMessage(text);
    expect(decoded).toEqual({ role: "user", content: [], extra: { id: 17 } });
    expect(encodeMessage(decoded)).toBe(text);
  });

  it("extra members can't take the place of known ones", async () => {
    expect(await refusal({ content: "x", extra: { role: "system" } })).toContain("extra.role");
    expect(await refusal({ content: "x", extra: { content: "y" } })).toContain("extra.content");
    expect(await refusal({ content: "x", id: "1", extra: { id: "2" } })).toContain("extra.id");
    expect(await refusal({ content: [{ type: "text", text: "x", extra: { text: "y" } }] })).toContain(
      "content[0].extra.text",
    );
    expect(await refusal({ content: [{ type: "text", text: "x", extra: { block_type: "image" } }] })).toContain(
      "content[0].extra.block_type",
    );
  });
});

describe("what older versions of Python wrote", () => {
  it.each<[string, string, ChatMessage]>([
    ["content", '{"role": "user", "content": "Hi", "additional_kwargs": {}}', { role: "user", content: "Hi" }],
    ["null content", '{"role":"assistant","content":null,"additional_kwargs":{}}', { role: "assistant", content: [] }],
    ["nothing at all", "{}", { role: "user", content: [] }],
    [
      "content wins over blocks",
      '{"content":"a","blocks":[{"block_type":"text","text":"b"}]}',
      { role: "user", content: "a" },
    ],
    ["escapes", '{"content": "\\u00e9\\ud83d\\ude00\\u007f"}', { role: "user", content: "é😀\x7f" }],
    ["null kwargs", '{"content": "a", "additional_kwargs": null}', { role: "user", content: "a" }],
    [
      "words for what is no number, of json.dumps",
      '{"content": "NaN \\" Infinity", "additional_kwargs": {"a": NaN, "b": [Infinity, -Infinity], "NaN": "\\\\"}}',
      { role: "user", content: 'NaN " Infinity', additionalKwargs: { a: null, b: [null, null], NaN: "\\" } },
    ],
  ])("%s", (_name, text, message) => {
    expect(decodeMessage(text)).toStrictEqual(message);
  });
});

describe("what JSON can't hold is refused, with its place", () => {
  class Money {
    readonly cents = 5;
  }
  const cyclic: Record<string, unknown> = {};
  cyclic.self = { again: [cyclic] };

  it.each<[string, unknown, string]>([
    ["a BigInt", 5n, "additionalKwargs.a is a BigInt"],
    ["NaN", Number.NaN, "additionalKwargs.a is NaN"],
    ["Infinity", [1, Number.POSITIVE_INFINITY], "additionalKwargs.a[1] is Infinity"],
    ["-Infinity", { b: Number.NEGATIVE_INFINITY }, "additionalKwargs.a.b is -Infinity"],
    ["a function", { b: () => 1 }, "additionalKwargs.a.b is function"],
    ["a symbol", [[Symbol("s")]], "additionalKwargs.a[0][0] is symbol"],
    ["undefined in a list", [1, undefined], "additionalKwargs.a[1] is undefined"],
    // biome-ignore lint/suspicious/noSparseArray: a hole is what is tested
    ["a hole in a list", [1, , 2], "additionalKwargs.a[1] is undefined"],
    ["an invalid date", new Date(Number.NaN), "additionalKwargs.a is an invalid date"],
    ["a Map", new Map([[1, 2]]), "additionalKwargs.a is neither a plain object"],
    ["a Set", { b: new Set() }, "additionalKwargs.a.b is neither a plain object"],
    ["a RegExp", /x/, "additionalKwargs.a is neither a plain object"],
    ["an Error", new Error("x"), "additionalKwargs.a is neither a plain object"],
    ["a boxed text", new String("x"), "additionalKwargs.a is neither a plain object"],
    ["a promise", Promise.resolve(1), "additionalKwargs.a is neither a plain object"],
    ["an instance of a class", new Money(), "additionalKwargs.a is neither a plain object"],
    ["bytes", new Uint8Array(2), "additionalKwargs.a holds bytes"],
    ["a Buffer", Buffer.from("x"), "additionalKwargs.a holds bytes"],
    ["a DataView", new DataView(new ArrayBuffer(1)), "additionalKwargs.a holds bytes"],
    ["a cycle", cyclic, "nests deeper than 200 levels, or holds itself"],
    ["a name that needs quotes", { 'b-"c"': 1n }, 'additionalKwargs.a["b-\\"c\\""] is a BigInt'],
    ["a toJSON that gives no JSON", { toJSON: () => 1n }, 'additionalKwargs.a["toJSON()"] is a BigInt'],
  ])("%s", async (_name, value, problem) => {
    expect(await refusal(withKwargs(value))).toContain(problem);
    // The same as a further member, within blocks, and within a list.
    expect(await refusal({ content: "x", extra: { a: value } })).toContain(
      problem.replace("additionalKwargs", "extra"),
    );
    const block = { type: "tool_call", toolName: "f", toolKwargs: { a: value } };
    expect(await refusal({ content: [block] })).toContain(problem.replace("additionalKwargs", "content[0].toolKwargs"));
    const inList = await failureOf(() => encodeMessages([{ content: "x" }, withKwargs(value)]), "INVALID_MESSAGE");
    expect(inList.message).toContain(problem.replace("additionalKwargs", "messages[1].additionalKwargs"));
  });

  it.each<[string, unknown, string]>([
    ["no object", "Hello", "The message must be an object"],
    ["null", null, "The message must be an object"],
    ["a list", [], "The message must be an object"],
    ["no content", {}, "content must be text or a list"],
    ["null content", { content: null }, "content must be text or a list"],
    ["an unknown role", { role: "memory", content: "x" }, "role must be one of"],
    ["a role from Object.prototype", { role: "constructor", content: "x" }, "role must be one of"],
    ["an id that is no text", { content: "x", id: 5 }, "id must be text"],
    ["kwargs null", { content: "x", additionalKwargs: null }, "additionalKwargs must be an object"],
    ["kwargs a list", { content: "x", additionalKwargs: [] }, "additionalKwargs must be an object"],
    ["kwargs a Map", { content: "x", additionalKwargs: new Map() }, "additionalKwargs is neither"],
    ["extra a text", { content: "x", extra: "y" }, "extra must be an object"],
    ["a foreign member", { content: "x", tool_calls: [] }, "tool_calls is not a member here"],
    ["an own __proto__", JSON.parse('{"content":"x","__proto__":{"a":1}}'), "__proto__ is not a member here"],
    ["a block that is text", { content: ["x"] }, "content[0] must be a content block"],
    ["a block that is null", { content: [null] }, "content[0] must be a content block"],
    ["a hole", { content: new Array(1) }, "content[0] must be a content block"],
    ["a block without a type", { content: [{ text: "x" }] }, "content[0].type is not a type"],
    ["an unknown type", { content: [{ type: "image_url", image_url: {} }] }, "content[0].type is not a type"],
    ["a type from Object.prototype", { content: [{ type: "toString" }] }, "content[0].type is not a type"],
    ["text that is none", { content: [{ type: "text", text: 5 }] }, "content[0].text must be text"],
    [
      "a block's foreign member",
      { content: [{ type: "text", text: "x", cache: 1 }] },
      "content[0].cache is not a member",
    ],
    ["an image that is a Blob", { content: [{ type: "image", image: new Blob() }] }, "content[0].image must be base64"],
    ["a null url", { content: [{ type: "image", url: null }] }, "content[0].url must be text"],
    ["fps that is text", { content: [{ type: "video", fps: "3" }] }, "content[0].fps must be a number"],
    ["fps that is NaN", { content: [{ type: "video", fps: Number.NaN }] }, "content[0].fps is NaN"],
    ["no cacheControl", { content: [{ type: "cache" }] }, "content[0].cacheControl"],
    [
      "a foreign member of cacheControl",
      { content: [{ type: "cache", cacheControl: { type: "ephemeral", scope: 1 } }] },
      "content[0].cacheControl.scope is not a member",
    ],
    [
      "a location that is no number",
      { content: [{ ...fullBlocks.citation, additionalLocationInfo: { page: "7" } }] },
      "content[0].additionalLocationInfo.page must be a number",
    ],
    ["no toolKwargs", { content: [{ type: "tool_call", toolName: "f" }] }, "content[0].toolKwargs"],
    [
      "content of a citable that is text",
      { content: [{ ...fullBlocks.citable, content: "x" }] },
      "content[0].content must",
    ],
    [
      "a bad block within a citation",
      { content: [{ ...fullBlocks.citation, citedContent: { type: "text" } }] },
      "content[0].citedContent.text must be text",
    ],
    ["an unknown block without raw", { content: [{ type: "unknown" }] }, "content[0].raw"],
    ["an unknown block with more", { content: [{ type: "unknown", raw: {}, text: "x" }] }, "content[0].text is not"],
  ])("%s", async (_name, message, problem) => {
    expect(await refusal(message)).toContain(problem);
  });

  it("a getter, a proxy or a toJSON that throws, without what it says", async () => {
    const secret = "s3cret-4711";
    const throws = () => {
      throw new Error(secret);
    };
    const bad: unknown[] = [
      withKwargs(Object.defineProperty({}, "b", { enumerable: true, get: throws })),
      withKwargs({ toJSON: throws }),
      withKwargs(new Proxy({}, { ownKeys: throws })),
      Object.defineProperty({}, "content", { get: throws }),
    ];
    for (const message of bad) {
      const failure = await failureOf(() => encodeMessage(untyped(message)), "INVALID_MESSAGE");
      expect(everythingShownOf(failure)).not.toContain(secret);
    }
  });

  it("no error shows a value", async () => {
    const secret = "s3cret-4711";
    const bad: unknown[] = [
      withKwargs([secret, 1n]),
      withKwargs({ a: secret, b: () => secret }),
      withKwargs(new Map([[secret, secret]])),
      withKwargs(Symbol(secret)),
      withKwargs(new (class extends Error {})(secret)),
      { role: secret, content: "x" },
      { content: { text: secret } },
      { content: [secret] },
      { content: [{ type: secret }] },
      { content: [{ type: "text", text: [secret] }] },
      { content: [{ type: "image", image: { data: secret } }] },
      { content: [{ type: "tool_call", toolName: 1, toolKwargs: secret }] },
      { content: secret, id: { secret } },
      { content: secret, tool_calls: secret },
      { content: "x", additionalKwargs: secret },
    ];
    for (const message of bad) {
      const failure = await failureOf(() => encodeMessage(untyped(message)), "INVALID_MESSAGE");
      expect(everythingShownOf(failure)).not.toContain(secret);
    }
  });
});

describe("what JSON can hold is taken", () => {
  it("dates, and all that has a toJSON", () => {
    const date = new Date("2030-01-02T03:04:05.678Z");
    const kwargs = {
      date,
      url: new URL("https://a.example/b"),
      list: [date],
      own: { toJSON: (name: string) => [name] },
    };
    expect(roundTrip({ content: "", additionalKwargs: kwargs }).additionalKwargs).toEqual({
      date: "2030-01-02T03:04:05.678Z",
      url: "https://a.example/b",
      list: ["2030-01-02T03:04:05.678Z"],
      own: ["own"],
    });
    expect(roundTrip({ content: "", additionalKwargs: { toJSON: "data" } }).additionalKwargs).toEqual({
      toJSON: "data",
    });
  });

  it("plain objects of another realm and without a prototype", () => {
    const foreign: unknown = runInContext("({ a: { b: [1] } })", createContext());
    const bare = Object.assign(Object.create(null), { a: 1 });
    const kwargs = roundTrip({ content: "", additionalKwargs: { foreign, bare } }).additionalKwargs;
    expect(kwargs).toEqual({ foreign: { a: { b: [1] } }, bare: { a: 1 } });
  });

  it("exactly 200 levels, alone and in a list, and not one more", async () => {
    const nested = (levels: number): JsonValue => {
      let value: JsonValue = {};
      for (let i = 1; i < levels; i++) value = i % 2 === 0 ? [value] : { a: value };
      return value;
    };
    // The object additionalKwargs is the first level.
    const message = (levels: number) => ({ content: "x", additionalKwargs: { a: nested(levels - 1) } });
    expect(roundTrip(message(200))).toEqual({ role: "user", ...message(200) });
    expect(encodeMessages([message(200)])).toEqual([encodeMessage(message(200))]);
    for (const deep of [message(201), message(20_000)]) {
      expect(await refusal(deep)).toContain("nests deeper than 200 levels");
      await failureOf(() => encodeMessages([deep]), "INVALID_MESSAGE");
    }
  });

  it("blocks within blocks, to some depth", async () => {
    const nested = (levels: number): ContentBlock => {
      let block: ContentBlock = { type: "text", text: "x" };
      for (let i = 0; i < levels; i++) block = { type: "citable", title: "", source: "", content: [block] };
      return block;
    };
    const message: ChatMessage = { role: "user", content: [nested(40)] };
    expect(roundTrip(message)).toEqual(message);
    expect(await refusal({ content: [nested(60)] })).toContain("nests blocks too deep");
    const cyclic = { type: "citable", title: "", source: "", content: [] as unknown[] };
    cyclic.content.push(cyclic);
    expect(await refusal({ content: [cyclic] })).toContain("nests blocks too deep");
  });

  it("deep blocks that somebody else stored can be read, and are kept", () => {
    const open = '{"block_type":"citable","title":"","source":"","content":[';
    const deep = (levels: number) =>
      `{"role":"user","additional_kwargs":{},"blocks":[${open.repeat(levels)}${"]}".repeat(levels)}]}`;
    expect(encodeMessage(decodeMessage(deep(80)))).toBe(deep(80));
    expect(decodeMessage(deep(50_000)).content).toHaveLength(1);
  });

  it("names that mean something to JavaScript are data, and pollute nothing", () => {
    const names =
      '"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"toString":"t","hasOwnProperty":0';
    const text =
      `{"role":"user","additional_kwargs":{${names},"deep":[{${names}}]},` +
      `"blocks":[{"block_type":"text","text":"x",${names}},{"block_type":"hologram",${names}},` +
      `{"block_type":"tool_call","tool_call_id":null,"tool_name":"f","tool_kwargs":{${names}}}],${names}}`;
    const decoded = decodeMessage(text);
    expect(encodeMessage(decoded)).toBe(text);
    expect(decodeMessage(encodeMessage(decoded))).toEqual(decoded);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(Object.getPrototypeOf(decoded.additionalKwargs)).toBe(Object.prototype);
    expect(Object.getPrototypeOf(decoded.extra)).toBe(Object.prototype);
  });

  it.each([
    ["NUL", "a\0b"],
    ["a lone high surrogate", "a\ud800b"],
    ["a lone low surrogate", "\udc00"],
    ["a pair the wrong way round", "\udc00\ud800"],
    ["line separators", "\u2028\u2029\u0085"],
    ["a byte order mark", "\ufeffx"],
    ["emoji, CJK, right to left", "👩‍👩‍👧‍👦 你好 سلام"],
    ["quotes and backslashes", "\"'\\/`${x}"],
    ["what looks like JSON", '{"role":"user"}'],
  ])("%s, everywhere", (_name, text) => {
    const message: ChatMessage = {
      role: "tool",
      content: [
        { type: "text", text },
        { type: "tool_call", toolCallId: text, toolName: text, toolKwargs: text },
        { type: "unknown", raw: { [text]: text } },
      ],
      additionalKwargs: { [text]: [text] },
      id: text,
      extra: { [`x${text}`]: text },
    };
    expect(roundTrip(message)).toEqual(message);
    // Well-formed, so that every service can hold it.
    expect(/\p{Surrogate}/u.test(encodeMessage(message))).toBe(false);
  });
});

describe("corrupt payloads", () => {
  const secret = "s3cret-4711";
  it.each([
    "",
    secret,
    `"${secret}"`,
    `["${secret}"]`,
    "null",
    "5",
    `{"content":"${secret}"`,
    `{"content":"${secret}",}`,
    `\ufeff{"content":"${secret}"}`,
    `{"content":"${secret}","role":"${secret}"}`,
    `{"content":"${secret}","additional_kwargs":["${secret}"]}`,
    `{"blocks":"${secret}"}`,
    `{"blocks":["${secret}"]}`,
    `{"blocks":[null]}`,
    `{"content":"${secret} NaN`,
    `{"content":"NaN","a":NaNs,"b":"${secret}"}`,
  ])("%s", async (payload) => {
    const failure = await failureOf(() => decodeMessage(payload), "CORRUPT_MESSAGE");
    expect(failure.message).toMatch(/^A stored message can't be decoded: /);
    expect(everythingShownOf(failure)).not.toContain(secret);
  });
});

describe("the caller's objects", () => {
  const freeze = <T>(value: T): T => {
    if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
    for (const member of Object.values(value)) freeze(member);
    return Object.freeze(value);
  };

  it("are read only, and never held", () => {
    const content = Object.values(fullBlocks);
    const message = freeze({
      role: "assistant",
      content,
      additionalKwargs: { a: [{ b: 1 }] },
      extra: { c: {} },
    } as const);
    const text = encodeMessage(message);
    expect(encodeMessage(message)).toBe(text);
    const one = decodeMessage(text);
    (one.additionalKwargs as { a: { b: number }[] }).a[0]!.b = 2;
    (one.content as ContentBlock[]).length = 0;
    expect(decodeMessage(text)).toEqual(message);
  });
});

describe("any message", () => {
  const name = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("__proto__", "constructor", "", "1", "toJSON"));
  // -0 is written as 0: JSON.stringify drops the sign.
  const number = fc
    .oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }))
    .map((n) => (n === 0 ? 0 : n));
  const { json } = fc.letrec<{ json: JsonValue; object: JsonObject }>((tie) => ({
    json: fc.oneof(
      { maxDepth: 4 },
      fc.constant(null),
      fc.boolean(),
      number,
      fc.string({ unit: "binary" }),
      fc.array(tie("json"), { maxLength: 4 }),
      tie("object"),
    ),
    object: fc.dictionary(name, tie("json"), { maxKeys: 4 }),
  }));
  const object = fc.dictionary(name, json, { maxKeys: 4 });
  const text = fc.string({ unit: "binary" });
  const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

  const block = fc.letrec<{ block: ContentBlock }>((tie) => ({
    block: fc.oneof(
      { maxDepth: 3 },
      fc.record({ type: fc.constant("text" as const), text }),
      fc.record({
        type: fc.constant("image" as const),
        image: optional(text),
        url: optional(text),
        detail: optional(text),
      }),
      fc.record({
        type: fc.constant("video" as const),
        path: optional(text),
        mimeType: optional(text),
        fps: optional(number),
      }),
      fc.record({
        type: fc.constant("thinking" as const),
        content: optional(text),
        additionalInformation: optional(object),
      }),
      fc.record({
        type: fc.constant("tool_call" as const),
        toolCallId: optional(text),
        toolName: text,
        toolKwargs: fc.oneof(text, object),
      }),
      fc.record({
        type: fc.constant("unknown" as const),
        raw: object.map((raw) => ({ ...raw, block_type: "hologram" })),
      }),
      fc.record({
        type: fc.constant("citable" as const),
        title: text,
        source: text,
        content: fc.array(tie("block"), { maxLength: 3 }),
      }),
    ),
  })).block;

  const message: fc.Arbitrary<ChatMessageInput> = fc.record({
    role: optional(fc.constantFrom(...([...messageRoles] as MessageRole[]))),
    content: fc.oneof(text, fc.array(block, { maxLength: 4 })),
    additionalKwargs: optional(object),
    id: optional(text),
  });

  /** The normal form by its definition, so as not to be the codec's own idea of it. */
  function normalBlock(input: ContentBlock): ContentBlock {
    const present = Object.entries(input).filter(([, value]) => value !== undefined);
    // What is undefined has gone; nothing else has changed.
    const normal = Object.fromEntries(present) as unknown as ContentBlock;
    if (normal.type === "citable") normal.content = normal.content.map(normalBlock);
    if (normal.type === "thinking" && Object.keys(normal.additionalInformation ?? {}).length === 0) {
      delete normal.additionalInformation;
    }
    return normal;
  }
  function normalForm(input: ChatMessageInput): ChatMessage {
    const blocks =
      typeof input.content === "string" ? input.content : (input.content as ContentBlock[]).map(normalBlock);
    const only =
      typeof blocks !== "string" && blocks.length === 1 && blocks[0]!.type === "text" ? blocks[0] : undefined;
    return {
      role: input.role ?? "user",
      content: only?.type === "text" ? only.text : blocks,
      ...(Object.keys(input.additionalKwargs ?? {}).length > 0
        ? { additionalKwargs: input.additionalKwargs as JsonObject }
        : {}),
      ...(input.id === undefined ? {} : { id: input.id }),
    };
  }

  it("comes back in normal form, and a second round trip changes nothing", () => {
    fc.assert(
      fc.property(message, (input) => {
        const payload = encodeMessage(input);
        const once = decodeMessage(payload);
        expect(once).toEqual(normalForm(input));
        expect(encodeMessage(once)).toBe(payload);
        const kept = keptCodec.encode(input, []);
        expect(keptAsText(kept)).toBe(payload);
        expect(keptCodec.decode(kept)).toEqual(once);
        expect(keptCodec.encode(once, [])).toEqual(kept);
      }),
      { numRuns: 500 },
    );
  });

  it("what is nearly a plain message is read as all of its JSON is", () => {
    const plain = fc
      .tuple(fc.constantFrom(...messageRoles, "robot"), fc.string({ unit: fc.constantFrom('"', "\\", "a", "}", ",") }))
      .map(([role, text]) => encodeMessage({ content: text }).replace("user", role));
    const change = fc.tuple(
      fc.nat(),
      fc.nat(2),
      fc.constantFrom("", '"', "\\", " ", '"}', '","a":"', '"},{"text":"', "\n"),
    );
    const read = (decode: () => unknown) => {
      try {
        return decode();
      } catch {
        return "corrupt";
      }
    };
    fc.assert(
      fc.property(plain, fc.array(change, { maxLength: 2 }), (whole, changes) => {
        const payload = changes.reduce((text, [at, dropped, put]) => {
          const place = at % (text.length + 1);
          return text.slice(0, place) + put + text.slice(place + dropped);
        }, whole);
        expect(read(() => decodeMessage(payload))).toEqual(read(() => messageFromStored(JSON.parse(payload))));
      }),
      { numRuns: 5000 },
    );
  });

  it("any JSON object that decodes is written back with all that it held", () => {
    const role = fc.constantFrom("user", "assistant");
    const storedBlock = fc.tuple(fc.constantFrom("text", "image", "tool_call", "x"), object).map(([type, rest]) => ({
      ...rest,
      block_type: type,
      text: "t",
      tool_name: "n",
    }));
    const blocks = fc.array(storedBlock, { maxLength: 3 });
    const known = new Set(["role", "content", "additional_kwargs", "blocks", "id"]);
    const rest = fc.dictionary(
      name.filter((n) => !known.has(n)),
      json,
      { maxKeys: 3 },
    );
    fc.assert(
      fc.property(role, object, blocks, rest, (role, additional_kwargs, blocks, rest) => {
        const written = JSON.parse(
          encodeMessage(decodeMessage(JSON.stringify({ ...rest, role, additional_kwargs, blocks }))),
        );
        const { role: _, additional_kwargs: kwargs, blocks: writtenBlocks, ...others } = written;
        expect(kwargs).toEqual(additional_kwargs);
        // fc.dictionary makes objects without a prototype on occasion; JSON never does.
        expect(others).toEqual(JSON.parse(JSON.stringify(rest)));
        expect(writtenBlocks).toMatchObject(JSON.parse(JSON.stringify(blocks)));
      }),
      { numRuns: 300 },
    );
  });
});
