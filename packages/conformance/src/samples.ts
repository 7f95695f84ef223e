import type { ChatMessage, ChatMessageInput, ContentBlock, JsonObject } from "@chatkeep/chat-store-core";

/** Texts that one or another service, driver or format changes, cuts or refuses. */
const oddTexts: ReadonlyMap<string, string> = new Map([
  ["nothing", ""],
  ["one space", " "],
  ["white space at both ends", " \t\n text \r\n "],
  ["NUL", "before\u0000after"],
  ["control characters", `${Array.from({ length: 32 }, (_, i) => String.fromCharCode(i)).join("")}\u007f\u0080\u009f`],
  ["a high surrogate alone", "before\ud83dafter"],
  ["a low surrogate alone", "before\ude00after"],
  ["surrogates the wrong way round", "\ude00\ud83d"],
  ["emoji", "👍🏽 👩‍👩‍👧 🇪🇺 🏳️‍🌈"],
  ["Chinese, Japanese, Korean", "你好,世界。こんにちは 안녕하세요 𠮷"],
  ["right to left", "\u202eمرحبا بالعالم שלום\u202c"],
  ["composed and decomposed", "é é"],
  ["line separators of JavaScript", "\u2028\u2029\u0085"],
  ["non-characters and the byte order mark", "\ufeff\ufffe\uffff\u{1ffff}"],
  ["the replacement character", "\ufffd"],
  ["a number", "123"],
  ["a long number", "12345678901234567890"],
  ["a boolean", "true"],
  ["null", "null"],
  ["quoted text", '"quoted"'],
  ["an array", " [1, 2]"],
  ["an object", '{"role":"user"}'],
  ["backslashes", "\\ \\\\ \\n \\u0000 \\ud83d"],
  ["SQL", "'; DROP TABLE messages; -- $1 $$ %s"],
  ["markup", "<script>alert('&amp;')</script><![CDATA[ ]]>"],
  ["special tokens", "<|endoftext|><|im_start|>"],
]);

const kwargs: JsonObject = {
  tool_calls: [{ id: "call_1", type: "function", function: { name: "search", arguments: '{"q":"x"}' } }],
  nothing: null,
  yes: true,
  number: -12.5,
  small: 1e-7,
  large: 9007199254740991,
  deep: { list: [[], {}, [[1]], { "": "no name" }] },
  constructor: "data like any other",
  "a.b $c": "name with dots and dollars",
  "0": "name of a number",
};
Object.defineProperty(kwargs, "__proto__", {
  value: { polluted: true },
  enumerable: true,
  configurable: true,
  writable: true,
});

const roles = ["system", "developer", "user", "assistant", "function", "tool", "chatbot", "model"] as const;

/** Every type of block, with all of its members and with as few as it may have. */
const blocks: ReadonlyMap<string, ContentBlock> = new Map<string, ContentBlock>([
  ["text", { type: "text", text: "text" }],
  ["an image", { type: "image", image: "aGk=", mimeType: "image/png", detail: "low" }],
  ["an image by URL", { type: "image", url: "https://example.com/a.png" }],
  ["an image by path", { type: "image", path: "a.png" }],
  ["audio", { type: "audio", audio: "aGk=", format: "wav", url: "https://example.com/a.wav" }],
  ["video", { type: "video", video: "aGk=", mimeType: "video/mp4", detail: "high", fps: 2 }],
  ["a document", { type: "document", data: "aGk=", title: "title", mimeType: "application/pdf", url: "u", path: "p" }],
  ["a cache point", { type: "cache", cacheControl: { type: "ephemeral", ttl: "5m" } }],
  [
    "a citable",
    {
      type: "citable",
      title: "t",
      source: "s",
      content: [
        { type: "text", text: "cited" },
        { type: "image", url: "u" },
      ],
    },
  ],
  [
    "a citation",
    {
      type: "citation",
      citedContent: { type: "text", text: "x" },
      source: "s",
      title: "t",
      additionalLocationInfo: { page: 3 },
    },
  ],
  ["thinking", { type: "thinking", content: "hmm", numTokens: 3, additionalInformation: { signature: "abc" } }],
  ["thinking of nothing", { type: "thinking" }],
  [
    "a tool call",
    { type: "tool_call", toolCallId: "call_1", toolName: "search", toolKwargs: { q: "x", n: [1, null] } },
  ],
  ["a tool call with text", { type: "tool_call", toolName: "search", toolKwargs: '{"q":1.0}' }],
]);

const extraBlocks: ReadonlyMap<string, ContentBlock> = new Map<string, ContentBlock>([
  ["an unknown block", { type: "unknown", raw: { block_type: "hologram", depth: { x: [1, null, "é"] } } }],
  ["a block with unknown members", { type: "text", text: "text", extra: { annotations: [{ url: "u" }], lang: null } }],
]);

/** Messages in normal form: as they go in, so they must come out. */
export function sampleMessages(options: { extraMembers: boolean }): Map<string, ChatMessage> {
  const samples = new Map<string, ChatMessage>();
  for (const role of roles) samples.set(`role ${role}`, { role, content: "text" });
  for (const [name, text] of oddTexts) samples.set(`text: ${name}`, { role: "user", content: text });
  for (const [name, block] of blocks)
    samples.set(`block: ${name}`, { role: "assistant", content: block.type === "text" ? "text" : [block] });
  samples.set("every block at once", { role: "user", content: [...blocks.values()] });
  samples.set("no content", { role: "assistant", content: [] });
  samples.set("two texts", {
    role: "user",
    content: [
      { type: "text", text: "a" },
      { type: "text", text: "" },
    ],
  });
  samples.set("additional kwargs", { role: "assistant", content: "text", additionalKwargs: kwargs });
  samples.set("a tool's answer", { role: "tool", content: "42", additionalKwargs: { tool_call_id: "call_1" } });
  if (options.extraMembers) {
    samples.set("an id", { role: "user", content: "text", id: "ui-1" });
    samples.set("unknown members", { role: "user", content: "text", extra: { timestamp: 1.5, deep: { a: [] } } });
    for (const [name, block] of extraBlocks) samples.set(`block: ${name}`, { role: "user", content: [block] });
  }
  return samples;
}

/** Keys that one or another backend would change, split, confuse, or take for a pattern, a path or a query. */
export const oddKeys: readonly string[] = [
  ...Array.from({ length: 95 }, (_, i) => `key ${String.fromCharCode(32 + i)} key`),
  ...Array.from({ length: 33 }, (_, i) => `control ${String.fromCharCode(i === 32 ? 127 : i)}`),
  ..."*?[]{}:/\\#%'\"$.,;|&<>=+-~^`!@() ".split("").filter((c) => c !== " "),
  " ",
  ".",
  "..",
  "../../etc/passwd",
  "a//b",
  "{tag}key",
  "key{tag}",
  "{}",
  "%2F",
  "%00",
  "~2F",
  "h*llo",
  "h[ae]llo",
  "' OR '1'='1",
  "'; DROP TABLE x; --",
  "PartitionKey eq 'x' or 'a' eq 'a",
  "$1",
  "__proto__",
  "constructor",
  "toString",
  "null",
  "0",
  "-1",
  "line\nbreak",
  "tab\tulator",
  "\u2028",
  "\ufeff",
  "\uffff",
  "👩‍👩‍👧",
  "שלום",
  "\u202eevil",
  "你好",
  "e\u0301",
  "é",
  "é".repeat(256),
  "k".repeat(512),
  `${"k".repeat(511)}l`,
  "/".repeat(512),
  "\u0001".repeat(512),
  "😀".repeat(128),
];

/** Families of keys of which each must have a conversation of its own. */
export const lookAlikes: readonly (readonly string[])[] = [
  ["Key", "key", "KEY"],
  ["key", "key ", " key", "key\u0000", "key\n", "key\t"],
  ["é", "e\u0301", "e"],
  ["a/b", "a_b", "a%2Fb", "a~2Fb", "a\\b", "a:b"],
  ["a:b:c", "a:b", "a", "a:", ":a"],
  ["1", "01", "1.0", " 1"],
  ["ß", "ss", "SS"],
  ["ﬁ", "fi"],
  ["\ufeffkey", "key\ufeff", "key"],
  ["ᵏey", "key"],
  ["a*", "a?", "ab", "[a]b", "a"],
  ["{a}b", "ab", "{a}", "a"],
];

export function message(text: string): ChatMessageInput {
  return { role: "user", content: text };
}

/** Messages that tell themselves apart. */
export function messages(count: number, prefix = "m"): ChatMessageInput[] {
  return Array.from({ length: count }, (_, i) => message(`${prefix}${i}`));
}

/** What JavaScript can hand in although the types forbid it. */
export const wrong = (value: unknown) => value as never;
