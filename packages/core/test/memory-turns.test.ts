import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isChatStoreError } from "../src/errors.js";
import { ChatMemoryBuffer, type WindowOptions } from "../src/memory/chat-memory-buffer.js";
import { loadCl100k } from "../src/memory/cl100k.js";
import type { ChatMessage, ContentBlock, JsonValue, MessageRole } from "../src/messages/message.js";
import { SimpleChatStore } from "../src/simple/simple-chat-store.js";

const cl100k = await loadCl100k();
/** Simple enough that a longer text never has fewer tokens. */
const words = (text: string) => text.split(/\s+/).filter((word) => word !== "").length;

type Count = (text: string) => number;

// ---------------------------------------------------------------- the rules, written down naively

/** Python's `str(content)`. */
function pythonStr({ content }: ChatMessage): string {
  if (typeof content === "string") return content;
  const texts = content.filter((block) => block.type === "text").map((block) => block.text);
  return texts.length > 0 ? texts.join("\n") : "None";
}

const tokensOf = (messages: ChatMessage[], count: Count) =>
  messages.length === 0 ? 0 : count(messages.map(pythonStr).join(" "));

const isSystem = ({ role }: ChatMessage) => role === "system" || role === "developer";
const isResult = ({ role }: ChatMessage) => role === "tool" || role === "function";
const isModel = ({ role }: ChatMessage) => role === "assistant" || role === "chatbot" || role === "model";
const textOrNone = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);
const resultId = (message: ChatMessage) => textOrNone(message.additionalKwargs?.tool_call_id);

function leadingSystem(history: ChatMessage[]): ChatMessage[] {
  const end = history.findIndex((message) => !isSystem(message));
  return end === -1 ? history : history.slice(0, end);
}

/** The ids of all calls of a message, in their order; undefined for one without. */
function callIds({ content, additionalKwargs: kwargs = {} }: ChatMessage): (string | undefined)[] {
  const blocks = typeof content === "string" ? [] : content.filter((block) => block.type === "tool_call");
  const calls = Array.isArray(kwargs.tool_calls) ? kwargs.tool_calls : [];
  return [
    ...blocks.map((block) => textOrNone(block.toolCallId)),
    ...calls.map((call) => textOrNone((call as { id?: unknown }).id)),
    ...(kwargs.function_call !== undefined && kwargs.function_call !== null ? [undefined] : []),
  ];
}

function repair(messages: ChatMessage[]): ChatMessage[] {
  const repaired: ChatMessage[] = [];
  messages.forEach((message, i) => {
    if (isResult(message)) return;
    const end = messages.findIndex((each, j) => j > i && !isResult(each));
    const results = messages.slice(i + 1, end === -1 ? messages.length : end);
    repaired.push(...(isModel(message) ? repairCalls(message, results) : [message]));
  });
  return repaired;
}

function repairCalls(message: ChatMessage, results: ChatMessage[]): ChatMessage[] {
  const ids = callIds(message);
  const named = ids.flatMap((id) => results.find((result) => id !== undefined && resultId(result) === id) ?? []);
  let nameless = results.filter((result) => resultId(result) === undefined);
  nameless = nameless.slice(0, ids.filter((id) => id === undefined).length);
  const kept = results.filter((result) => named.includes(result) || nameless.includes(result));

  let left = nameless.length;
  const answered = ids.map((id) => (id === undefined ? left-- > 0 : named.some((result) => resultId(result) === id)));
  if (answered.every(Boolean)) return [message, ...kept];
  const isAnswered = () => answered.shift() === true;
  const { content, additionalKwargs, ...rest } = message;
  const { tool_calls: calls, function_call: call, ...kwargs } = additionalKwargs ?? {};
  const blocks =
    typeof content === "string" ? content : content.filter((block) => block.type !== "tool_call" || isAnswered());
  const keptCalls = ((calls ?? []) as JsonValue[]).filter(isAnswered);
  if (keptCalls.length > 0) kwargs.tool_calls = keptCalls;
  if (call !== undefined && isAnswered()) kwargs.function_call = call;
  const repaired: ChatMessage = { ...rest, content: blocks };
  if (Object.keys(kwargs).length > 0) repaired.additionalKwargs = kwargs;
  if (callIds(repaired).length > 0) return [repaired, ...kept];
  const silent = typeof blocks === "string" ? blocks === "" : blocks.every((block) => says(block) === "");
  return silent ? [] : [repaired];
}

const says = (block: ContentBlock) =>
  block.type === "thinking" || block.type === "cache" ? "" : block.type === "text" ? block.text : "something";

const tooLarge = "MESSAGE_TOO_LARGE";
type Answer = ChatMessage[] | typeof tooLarge;

/** The newest whole turns of a history that fit. */
function naiveTurns(history: ChatMessage[], limit: number, count: Count, pinSystem: boolean): Answer {
  const pinned = pinSystem ? leadingSystem(history) : [];
  const fits = (messages: ChatMessage[]) => tokensOf([...pinned, ...messages], count) <= limit;
  if (!fits([])) return tooLarge;
  const rest = history.slice(pinned.length);
  let window: ChatMessage[] = [];
  let end = rest.length;
  for (let start = end - 1; start >= 0; start--) {
    if (rest[start]!.role !== "user") continue;
    const longer = [...repair(rest.slice(start, end)), ...window];
    if (!fits(longer)) return window.length > 0 ? [...pinned, ...window] : tooLarge;
    window = longer;
    for (end = start; end > 0 && isSystem(rest[end - 1]!); end--) {
      if (!fits([rest[end - 1]!, ...window])) return [...pinned, ...window];
      window = [rest[end - 1]!, ...window];
    }
  }
  const opening = repair(rest.slice(0, end));
  if (!fits([...opening, ...window])) return window.length > 0 ? [...pinned, ...window] : tooLarge;
  for (const system of opening.filter(isSystem).reverse()) {
    if (!fits([system, ...window])) break;
    window = [system, ...window];
  }
  return [...pinned, ...window];
}

/** `ChatMemoryBuffer.get` of LlamaIndex Python, line by line, behind the pinned messages. */
function naivePython(history: ChatMessage[], limit: number, count: Count, pinSystem: boolean): Answer {
  const pinned = pinSystem ? leadingSystem(history) : [];
  const rest = history.slice(pinned.length);
  if (tokensOf(pinned, count) > limit) return tooLarge;
  const tokens = (keep: number) => tokensOf([...pinned, ...rest.slice(rest.length - keep)], count);
  let keep = rest.length;
  while (tokens(keep) > limit && keep > 1) {
    keep--;
    while (keep > 1 && ["tool", "assistant"].includes(rest.at(-keep)!.role)) keep--;
  }
  if (tokens(keep) > limit || keep <= 0) return [...pinned, ...rest.slice(-1)];
  return [...pinned, ...rest.slice(rest.length - keep)];
}

// ---------------------------------------------------------------- what a model API refuses

/** The rules of OpenAI's and Anthropic's APIs for the order of messages. */
function refusal(messages: ChatMessage[]): string | undefined {
  const spoken = messages.slice(leadingSystem(messages).length);
  if (spoken.length > 0 && spoken[0]!.role !== "user") return `begins with ${spoken[0]!.role}`;
  let open = new Map<string | undefined, number>();
  for (const message of [...messages, { role: "user", content: "" } satisfies ChatMessage]) {
    if (isResult(message)) {
      const id = resultId(message);
      const left = open.get(id) ?? 0;
      if (left === 0) return `result without a call: ${id}`;
      open.set(id, left - 1);
      continue;
    }
    for (const [id, left] of open) if (left > 0) return `call without a result: ${id}`;
    open = new Map();
    if (!isModel(message)) continue;
    // A call with an id may be written down twice, one without is always another one.
    for (const id of callIds(message)) open.set(id, id === undefined ? (open.get(id) ?? 0) + 1 : 1);
  }
  return undefined;
}

// ---------------------------------------------------------------- histories

const text = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom("", " ", "\n", "a\n", " \n b", "\n\n", "<|endoftext|>") },
  {
    weight: 4,
    arbitrary: fc
      .array(fc.constantFrom("tide", "moon", "unpredictability", "12", "\u4f60\u597d", "!"), {
        minLength: 1,
        maxLength: 8,
      })
      .map((list) => list.join(" ")),
  },
);
const content: fc.Arbitrary<string | ContentBlock[]> = fc.oneof(
  { weight: 6, arbitrary: text },
  { weight: 1, arbitrary: fc.constant<ContentBlock[]>([]) },
  {
    weight: 1,
    arbitrary: fc.tuple(text, text).map(([one, two]): ContentBlock[] => [
      { type: "text", text: one },
      { type: "image", url: "https://example.com/moon.png" },
      { type: "text", text: two },
    ]),
  },
);
const said = (...roles: MessageRole[]) =>
  fc.tuple(fc.constantFrom(...roles), content).map(([role, content]): ChatMessage[] => [{ role, content }]);

/** Few, so that the same id comes again in other places. */
const id = fc.constantFrom("c1", "c2", "c3", undefined, "");
interface Call {
  id: string | undefined;
  form: "block" | "kwargs" | "both" | "function";
  results: number;
}
const call: fc.Arbitrary<Call> = fc.record({
  id,
  form: fc.oneof(
    { weight: 3, arbitrary: fc.constant("block" as const) },
    { weight: 3, arbitrary: fc.constant("kwargs" as const) },
    { weight: 1, arbitrary: fc.constant("both" as const) },
    { weight: 1, arbitrary: fc.constant("function" as const) },
  ),
  results: fc.oneof({ weight: 8, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.nat(2) }),
});

function result(of: Call, text: string): ChatMessage {
  const legacy = of.form === "function";
  const kwargs = { ...(of.id === undefined || legacy ? {} : { tool_call_id: of.id }), name: "search" };
  return { role: legacy ? "function" : "tool", content: text, additionalKwargs: kwargs };
}

function calling(role: MessageRole, calls: Call[], says: ContentBlock[]): ChatMessage {
  const blocks: ContentBlock[] = [...says];
  const toolCalls: JsonValue[] = [];
  const kwargs: Record<string, JsonValue> = { note: "kept" };
  for (const { id, form } of calls) {
    if (form === "block" || form === "both") {
      const named = id === undefined ? {} : { toolCallId: id };
      blocks.push({ type: "tool_call", ...named, toolName: "search", toolKwargs: { q: "tide" } });
    }
    if (form === "kwargs" || form === "both") {
      const named = id === undefined ? {} : { id };
      toolCalls.push({ ...named, type: "function", function: { name: "search", arguments: "{}" } });
    }
    if (form === "function") kwargs.function_call = { name: "search", arguments: "{}" };
  }
  if (toolCalls.length > 0) kwargs.tool_calls = toolCalls;
  return { role, content: blocks, additionalKwargs: kwargs };
}

const modelRole = fc.constantFrom<MessageRole>("assistant", "assistant", "assistant", "chatbot", "model");
const spoken: fc.Arbitrary<ContentBlock[]> = fc.oneof(
  fc.constant<ContentBlock[]>([]),
  text.map((text): ContentBlock[] => [{ type: "text", text }]),
  text.map((content): ContentBlock[] => [{ type: "thinking", content }]),
);
const calls = fc.oneof(
  { weight: 3, arbitrary: call.map((one) => [one]) },
  { weight: 1, arbitrary: fc.array(call, { minLength: 2, maxLength: 4 }) },
);
/** A model's calls and what comes back, in whatever order. */
const toolStep = fc
  .tuple(modelRole, calls, spoken, fc.array(text, { minLength: 8, maxLength: 8 }), fc.boolean())
  .map(([role, calls, says, texts, turned]) => {
    const results = calls.flatMap((each) =>
      Array.from({ length: each.results }, (_, i) => result(each, texts[i] ?? "")),
    );
    return [calling(role, calls, says), ...(turned ? results.reverse() : results)];
  });
const orphan = fc.tuple(call, text).map(([each, text]) => [result(each, text)]);
const loop = fc
  .tuple(toolStep, fc.integer({ min: 2, max: 25 }))
  .map(([step, times]) => Array.from({ length: times }, () => step).flat());
/** Calls where no model API has them. */
const odd = fc
  .tuple(fc.constantFrom<MessageRole>("user", "system"), calls, spoken)
  .map(([role, calls, says]) => [calling(role, calls, says)]);

const piece = fc.oneof(
  { weight: 8, arbitrary: said("user") },
  { weight: 5, arbitrary: said("assistant", "assistant", "chatbot", "model") },
  { weight: 3, arbitrary: said("system", "system", "developer") },
  { weight: 6, arbitrary: toolStep },
  { weight: 2, arbitrary: orphan },
  { weight: 1, arbitrary: loop },
  { weight: 1, arbitrary: odd },
);
const pieces = fc.oneof(
  { weight: 8, arbitrary: fc.array(piece, { maxLength: 18 }) },
  { weight: 1, arbitrary: fc.array(said("system", "developer"), { maxLength: 12 }) },
  { weight: 1, arbitrary: fc.array(said("assistant"), { maxLength: 4 }) },
);
/** With ids, so that it can be told which message is which. */
const anyHistory = fc
  .tuple(fc.array(said("system", "developer"), { maxLength: 3 }), pieces)
  .map((parts) => parts.flat(2).map((message, i): ChatMessage => ({ ...message, id: String(i) })));

interface Scene {
  history: ChatMessage[];
  tokenLimit: number;
  initialTokenCount: number;
  count: Count;
  pinSystem: boolean;
}
const scene: fc.Arbitrary<Scene> = fc
  .record({
    history: anyHistory,
    share: fc.double({ min: 0, max: 1.05, noNaN: true }),
    initialTokenCount: fc.oneof(fc.constant(0), fc.nat(30)),
    count: fc.constantFrom<Count>(cl100k, words),
    pinSystem: fc.boolean(),
  })
  .map(({ share, ...rest }) => {
    const left = Math.floor(share * tokensOf(rest.history, rest.count));
    return { ...rest, tokenLimit: Math.max(1, left + rest.initialTokenCount) };
  });

async function windowOf(scene: Scene, options: WindowOptions): Promise<{ stored: ChatMessage[]; window: Answer }> {
  const { history, tokenLimit, initialTokenCount, pinSystem, count } = scene;
  const chatStore = new SimpleChatStore();
  const memory = await ChatMemoryBuffer.fromDefaults({ chatStore, tokenLimit, tokenizer: count, chatHistory: history });
  const stored = await memory.getAll();
  try {
    return { stored, window: await memory.get({ initialTokenCount, pinSystem, ...options }) };
  } catch (error) {
    if (!isChatStoreError(error, tooLarge)) throw error;
    return { stored, window: tooLarge };
  }
}

// ---------------------------------------------------------------- the properties

describe("completeTurns", () => {
  test("gives what the naive rules give", async () => {
    await fc.assert(
      fc.asyncProperty(scene, async (scene) => {
        const { stored, window } = await windowOf(scene, { completeTurns: true });
        const left = scene.tokenLimit - scene.initialTokenCount;
        expect(window).toEqual(naiveTurns(stored, left, scene.count, scene.pinSystem));
      }),
      { numRuns: 600 },
    );
  });

  test("gives a valid window, in the history's order, within the limit and of its own messages", async () => {
    await fc.assert(
      fc.asyncProperty(scene, async (scene) => {
        const { stored, window } = await windowOf(scene, { completeTurns: true });
        if (window === tooLarge) return;
        expect(refusal(window)).toBeUndefined();
        expect(tokensOf(window, scene.count)).toBeLessThanOrEqual(scene.tokenLimit - scene.initialTokenCount);
        const places = window.map((message) => Number(message.id));
        expect(places).toEqual(places.toSorted((a, b) => a - b));
        expect(new Set(places).size).toBe(places.length);
        for (const message of window) {
          const original = stored[Number(message.id)]!;
          if (callIds(message).length === callIds(original).length) expect(message).toEqual(original);
          else expect(isModel(message)).toBe(true);
        }
        if (!scene.pinSystem) return;
        const pinned = leadingSystem(stored);
        expect(window.slice(0, pinned.length)).toEqual(pinned);
      }),
      { numRuns: 600 },
    );
  });

  test("leaves nothing out of the turns that it gives but calls and results without each other", async () => {
    await fc.assert(
      fc.asyncProperty(scene, async (scene) => {
        const { stored, window } = await windowOf(scene, { completeTurns: true });
        if (window === tooLarge) return;
        const first = window.find((message) => message.role === "user");
        const start = first === undefined ? stored.length : Number(first.id);
        const kept = new Set(window.map((message) => message.id));
        stored.slice(start).forEach((message, i, turns) => {
          if (kept.has(message.id)) return;
          if (isResult(message)) {
            // Every result that was left out: of no call of the message before it, or not the first of that id.
            const block = turns.slice(turns.slice(0, i).findLastIndex((each) => !isResult(each)));
            const asked = isModel(block[0]!) ? callIds(block[0]!) : [];
            const ids = turns.slice(turns.indexOf(block[0]!) + 1, i + 1).map(resultId);
            const before = ids.filter((each) => each === resultId(message)).length;
            const named = new Set(asked).has(resultId(message)) ? 1 : 0;
            const room = resultId(message) === undefined ? asked.filter((each) => each === undefined).length : named;
            expect(before).toBeGreaterThan(room);
          } else {
            expect(isModel(message)).toBe(true);
            expect(callIds(message).length).toBeGreaterThan(0);
          }
        });
      }),
      { numRuns: 500 },
    );
  });

  test("gives as many turns as fit, and is an error exactly when the newest does not", async () => {
    await fc.assert(
      fc.asyncProperty(scene, async (scene) => {
        const counted = { ...scene, count: words };
        const { stored, window } = await windowOf(counted, { completeTurns: true });
        const left = scene.tokenLimit - scene.initialTokenCount;
        const pinned = scene.pinSystem ? leadingSystem(stored) : [];
        const fits = (from: number) =>
          tokensOf([...pinned, ...repair(stored.slice(Math.max(from, pinned.length)))], words) <= left;
        const users = stored.flatMap(({ role }, i) => (role === "user" ? [i] : []));
        const newest = users.at(-1) ?? 0;
        expect(window === tooLarge).toBe(!fits(newest));
        if (window === tooLarge) return;
        const begins = window.find((message) => message.role === "user");
        const fitting = users.filter(fits);
        expect(begins?.id).toBe(fitting.length > 0 ? String(fitting[0]) : undefined);
      }),
      { numRuns: 600 },
    );
  });

  test("gives the same wherever the pages of the history end", async () => {
    await fc.assert(
      fc.asyncProperty(scene, fc.integer({ min: 1, max: 5 }), async (scene, most) => {
        class SmallPages extends SimpleChatStore {
          override getPage(...[key, options]: Parameters<SimpleChatStore["getPage"]>) {
            return super.getPage(key, { ...options, limit: Math.min(options.limit, most) });
          }
        }
        const { history, tokenLimit, count } = scene;
        const chatStore = new SmallPages();
        await chatStore.setMessages("chat_history", history);
        const memory = new ChatMemoryBuffer({ chatStore, tokenLimit, tokenizer: count });
        const options = { completeTurns: true, initialTokenCount: scene.initialTokenCount };
        const window = await memory.get(options).catch((error: { code: string }) => error.code);
        expect(window).toEqual((await windowOf({ ...scene, pinSystem: false }, { completeTurns: true })).window);
      }),
      { numRuns: 150 },
    );
  });
});

describe("the default window", () => {
  test("is Python's, of what is behind the pinned messages and counted with them", async () => {
    await fc.assert(
      fc.asyncProperty(scene, async (scene) => {
        const { stored, window } = await windowOf(scene, {});
        const left = scene.tokenLimit - scene.initialTokenCount;
        expect(window).toEqual(naivePython(stored, left, scene.count, scene.pinSystem));
      }),
      { numRuns: 600 },
    );
  });
});

// ---------------------------------------------------------------- by hand

const user = (content: string): ChatMessage => ({ role: "user", content });
const assistant = (content: string): ChatMessage => ({ role: "assistant", content });
const system = (content: string): ChatMessage => ({ role: "system", content });
const tool = (id: string, content = "42"): ChatMessage => ({
  role: "tool",
  content,
  additionalKwargs: { tool_call_id: id },
});
const calls1 = (...ids: string[]): ChatMessage => ({
  role: "assistant",
  content: ids.map((id) => ({ type: "tool_call", toolCallId: id, toolName: "search", toolKwargs: {} })),
});

/** The window of a history, with one token a word. */
async function turns(history: ChatMessage[], tokenLimit: number, options: WindowOptions = {}) {
  const memory = await ChatMemoryBuffer.fromDefaults({ chatHistory: history, tokenLimit, tokenizer: words });
  return memory.get({ completeTurns: true, ...options });
}
const many = (length: number, text = "word") => Array.from({ length }, () => text).join(" ");

describe("turns", () => {
  const call = calls1("a");

  test.each<[string, ChatMessage[], ChatMessage[]]>([
    ["a history that is empty", [], []],
    ["a greeting", [assistant("Hello")], []],
    ["a greeting before a turn", [assistant("Hello"), user("Hi")], [user("Hi")]],
    ["instructions alone", [system("Be brief")], [system("Be brief")]],
    [
      "instructions, a greeting and instructions",
      [system("Be brief"), assistant("Hello"), system("Be kind"), user("Hi")],
      [system("Be brief"), system("Be kind"), user("Hi")],
    ],
    ["instructions at the end", [user("Hi"), system("Be brief")], [user("Hi"), system("Be brief")]],
    ["a call and its result", [user("Hi"), call, tool("a")], [user("Hi"), call, tool("a")]],
    ["a call that is not answered yet", [user("Hi"), assistant("Hm"), call], [user("Hi"), assistant("Hm")]],
    ["a result without a call", [user("Hi"), tool("a"), assistant("Hm")], [user("Hi"), assistant("Hm")]],
    ["a result of another call", [user("Hi"), call, tool("b")], [user("Hi")]],
    ["a result that comes too late", [user("Hi"), call, user("So?"), tool("a")], [user("Hi"), user("So?")]],
    [
      "a result behind instructions",
      [user("Hi"), call, system("Be brief"), tool("a")],
      [user("Hi"), system("Be brief")],
    ],
    ["a result twice", [user("Hi"), call, tool("a", "1"), tool("a", "2")], [user("Hi"), call, tool("a", "1")]],
    [
      "a call of which one of two is answered",
      [user("Hi"), calls1("a", "b"), tool("b")],
      [user("Hi"), calls1("b"), tool("b")],
    ],
    ["an id again", [user("Hi"), call, tool("a"), call, tool("a")], [user("Hi"), call, tool("a"), call, tool("a")]],
    ["a call of a user", [{ ...call, role: "user" }, tool("a")], [{ ...call, role: "user" }]],
    ["only calls of a user", [user("Hi"), { ...call, role: "user" }], [user("Hi"), { ...call, role: "user" }]],
  ])("of %s", async (_, history, window) => {
    expect(await turns(history, 1000)).toEqual(window);
  });

  test("of calls whose ids are empty text are matched in order", async () => {
    const history = [user("Hi"), calls1("", ""), tool("", "1"), tool("", "2"), tool("", "3")];
    expect(await turns(history, 1000)).toEqual(history.slice(0, 4));
  });

  test("keep a message that says something besides its calls", async () => {
    const say = (text: string): ContentBlock[] => [{ type: "text", text }];
    const thought: ContentBlock = { type: "thinking", content: "Hm" };
    const saying: ChatMessage = {
      role: "assistant",
      content: [thought, ...say("Let me see."), ...calls1("a").content] as ContentBlock[],
    };
    expect(await turns([user("Hi"), saying], 1000)).toEqual([
      user("Hi"),
      { role: "assistant", content: [thought, ...say("Let me see.")] },
    ]);
    const silent: ChatMessage = { ...saying, content: [thought, ...say(""), ...calls1("a").content] as ContentBlock[] };
    expect(await turns([user("Hi"), silent], 1000)).toEqual([user("Hi")]);
  });

  test("keep the other members of a message whose calls are dropped", async () => {
    const kwargs = {
      first: 1,
      tool_calls: [{ id: "a" }, { id: "b" }, null, "c"],
      function_call: { name: "f" },
      last: 2,
    };
    const message: ChatMessage = {
      role: "assistant",
      content: "Hm",
      additionalKwargs: kwargs,
      id: "7",
      extra: { x: 1 },
    };
    expect(await turns([user("Hi"), message, tool("b")], 1000)).toEqual([
      user("Hi"),
      { ...message, additionalKwargs: { first: 1, last: 2, tool_calls: [{ id: "b" }] } },
      tool("b"),
    ]);
  });

  test("keep the call that is answered of those that a message makes in several forms", async () => {
    const call = { name: "f", arguments: "{}" };
    const result: ChatMessage = { role: "function", content: "42", additionalKwargs: { name: "f" } };
    const message: ChatMessage = {
      ...calls1("a"),
      additionalKwargs: { function_call: call, tool_calls: [{ id: "b" }] },
    };
    const kept: ChatMessage = { role: "assistant", content: [], additionalKwargs: { function_call: call } };
    expect(await turns([user("Hi"), message, result], 1000)).toEqual([user("Hi"), kept, result]);
    const named: ChatMessage = { ...message, additionalKwargs: { tool_calls: [{ id: "b" }] }, content: [] };
    expect(await turns([user("Hi"), message, tool("b")], 1000)).toEqual([user("Hi"), named, tool("b")]);
  });

  test("take nothing for a call that is none", async () => {
    const message: ChatMessage = { role: "assistant", content: "Hm", additionalKwargs: { tool_calls: [null, "a", 1] } };
    const result: ChatMessage = { role: "tool", content: "42" };
    expect(await turns([user("Hi"), message, result], 1000)).toEqual([user("Hi"), assistant("Hm")]);
  });

  test("fit as a whole even where a part of them does not", async () => {
    // "tide" has two tokens, and " tide" one.
    const history = [user(""), assistant("tide")];
    const memory = await ChatMemoryBuffer.fromDefaults({ chatHistory: history, tokenLimit: 1 });
    expect(await memory.get({ completeTurns: true })).toEqual(history);
    expect(await memory.get()).toEqual(history);
  });

  test("never change what the store holds", async () => {
    const history = [user("Hi"), calls1("a", "b"), tool("b")];
    const memory = await ChatMemoryBuffer.fromDefaults({ chatHistory: history });
    await memory.get({ completeTurns: true });
    expect(await memory.getAll()).toEqual(history);
  });

  test("are as many as fit", async () => {
    const history = [user(many(5)), assistant(many(5)), system(many(3)), user(many(4)), assistant(many(1))];
    for (let limit = 5; limit <= 20; limit++) {
      const kept = limit >= 18 ? 5 : limit >= 8 ? 3 : 2;
      expect(await turns(history, limit), `limit ${limit}`).toEqual(history.slice(-kept));
    }
    await expect(turns(history, 4)).rejects.toMatchObject({ code: tooLarge });
  });

  test("are MESSAGE_TOO_LARGE with the instructions behind them, which are of the last turn", async () => {
    const history = [user(many(5)), system(many(3))];
    expect(await turns(history, 8)).toEqual(history);
    await expect(turns(history, 7)).rejects.toMatchObject({ code: tooLarge });
    await expect(turns([system(many(3))], 2)).rejects.toMatchObject({ code: tooLarge });
  });

  test("give their number of tokens in the error, and none of their text", async () => {
    const error = await turns([user("secret ".repeat(9))], 5, { initialTokenCount: 1 }).catch(
      (reason: Error) => reason,
    );
    expect(String(error)).toContain("4 tokens");
    expect(String(error)).not.toContain("secret");
    const pinned = await turns([system("secret ".repeat(9)), user("Hi")], 5, { pinSystem: true }).catch(String);
    expect(pinned).toContain("9 tokens");
    expect(pinned).not.toContain("secret");
  });

  test("don't depend on how many messages were read when a greeting is too long", async () => {
    for (let answers = 0; answers < 12; answers++) {
      const newest = [user("Hi"), ...Array.from({ length: answers }, () => assistant("Hm"))];
      const history = [system("Be brief"), assistant(many(40)), ...newest];
      expect(await turns(history, 30), `${answers} answers`).toEqual(newest);
    }
  });
});

describe("pinSystem", () => {
  test("keeps the leading instructions once, and those behind a greeting where they stand", async () => {
    const history = [system("Be brief"), assistant("Hello"), system("Be kind"), assistant("Well"), user("Hi")];
    expect(await turns(history, 100, { pinSystem: true })).toEqual([history[0], history[2], history[4]]);
    expect(await turns(history, 3, { pinSystem: true })).toEqual([history[0], history[4]]);
    await expect(turns(history, 2, { pinSystem: true })).rejects.toMatchObject({ code: tooLarge });
    await expect(turns(history, 1, { pinSystem: true })).rejects.toMatchObject({ code: tooLarge });
  });

  test("counts the instructions in their order", async () => {
    // "tide a" has three tokens, and "a tide" two.
    const chatHistory = [system("tide"), system("a")];
    for (const completeTurns of [false, true]) {
      const options = { completeTurns, pinSystem: true };
      const memory = await ChatMemoryBuffer.fromDefaults({ chatHistory, tokenLimit: 2 });
      await expect(memory.get(options)).rejects.toMatchObject({ code: tooLarge });
      await memory.set(chatHistory.toReversed());
      expect(await memory.get(options)).toEqual(chatHistory.toReversed());
    }
  });

  test("keeps more instructions than a page has, and is no error for them alone", async () => {
    const instructions = Array.from({ length: 50 }, (_, i) => system(`Rule ${i}`));
    expect(await turns(instructions, 100, { pinSystem: true })).toEqual(instructions);
    await expect(turns(instructions, 99, { pinSystem: true })).rejects.toMatchObject({ code: tooLarge });
    const talk = Array.from({ length: 40 }, (_, i) => user(`${i}`));
    const window = await turns([...instructions, ...talk], 110, { pinSystem: true });
    expect(window).toEqual([...instructions, ...talk.slice(-10)]);
  });
});
