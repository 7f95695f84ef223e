import { SimpleChatStore } from "@chatkeep/chat-store-core";
import { numbers, ofStore, plain, textOf } from "../histories.js";
import { langChainMessages } from "../langchain.js";
import type { LoadPeer } from "../peers.js";
import { OURS } from "../results.js";
import { type Contender, inRounds } from "../rounds.js";
import type { Row } from "../row.js";
import { roleOf } from "../texts.js";

const WHAT = "in-memory";
const LENGTH = 1_000;
const LIMIT = 20;

/** A history in memory, of one library, with or without the copying that it leaves to its callers. */
interface InMemory {
  readonly name: string;
  readonly copies: boolean;
  append(number: number): unknown;
  newest(): unknown;
  all(): unknown;
}

export const inMemory: Row = {
  name: WHAT,
  title: "In memory",
  text: `A history of ${LENGTH.toLocaleString("en-US")} messages of 400 characters. Chatkeep and the OpenAI Agents SDK copy what they are given and what they give, so
that nobody can change a history by what they hold of it. LangChain and LlamaIndex.TS keep and give the very objects: as they are, and
with the \`structuredClone\` that makes them alike ("copied"). What copying costs is the difference. Chatkeep copies such messages member by
member; texts, which nobody can change, are shared.`,
  async measure({ results, load, quick }) {
    const all = await everyone(load);
    const operations: readonly (readonly [string, (each: InMemory) => Contender, number])[] = [
      ["append", ({ name, append }) => ({ name, run: nextNumber(append) }), 20],
      [`newest ${LIMIT}`, ({ name, newest }) => ({ name, run: newest }), 20],
      ["all 1,000", ({ name, all }) => ({ name, run: all }), 1],
    ];
    // Reading before appending, so that all are read at the same length.
    for (const [variant, contenderOf, calls] of operations.toReversed()) {
      const options = { budgetMs: quick ? 300 : 1_000, fewest: 50, most: 500, calls };
      const times = await inRounds(all.map(contenderOf), options);
      const micro = [...times].map(
        ([name, { median, p95, samples }]) => [name, { median: median * 1_000, p95: p95 * 1_000, samples }] as const,
      );
      results.addTimes({ what: WHAT, store: "", variant }, new Map(micro), "microseconds");
      const value = (name: string) => results.value(WHAT, "", variant, name);
      for (const { name } of all.filter(({ name, copies }) => copies && name !== OURS)) {
        results.aimRatio(WHAT, `${variant}: faster than ${name}`, value(name), value(OURS), { atLeast: 1 });
      }
    }
  },
};

function nextNumber(append: (number: number) => unknown): () => unknown {
  let number = LENGTH;
  return () => append(number++);
}

interface LangChain {
  InMemoryChatMessageHistory: new () => {
    addMessage(message: unknown): Promise<void>;
    getMessages(): Promise<unknown[]>;
  };
}
interface LlamaIndex {
  SimpleChatStore: new () => { addMessage(key: string, message: object): void; getMessages(key: string): unknown[] };
}
interface OpenAIAgents {
  MemorySession: new () => { addItems(items: object[]): Promise<void>; getItems(limit?: number): Promise<unknown[]> };
}

async function everyone(load: LoadPeer): Promise<InMemory[]> {
  const key = "k";
  const { InMemoryChatMessageHistory } = await load<LangChain>("@langchain/core/chat_history");
  const { SimpleChatStore: TheirStore } = await load<LlamaIndex>("@llamaindex/core/storage/chat-store");
  const { MemorySession } = await load<OpenAIAgents>("@openai/agents-core");
  const langChainMessage = await langChainMessages(load);

  const store = new SimpleChatStore();
  const ours = ofStore(store);
  const history = new InMemoryChatMessageHistory();
  const copied = new InMemoryChatMessageHistory();
  const theirs = new TheirStore();
  const theirsCopied = new TheirStore();
  const session = new MemorySession();
  // What is copied has to be plain data: an instance of LangChain's class would lose its methods.
  const stored = (number: number) => structuredClone(plain(number));

  const all: InMemory[] = [
    {
      name: OURS,
      copies: true,
      append: (number) => ours.append(key, number),
      newest: () => ours.newest(key, LIMIT),
      all: () => store.getMessages(key),
    },
    {
      name: "OpenAI Agents (MemorySession)",
      copies: true,
      append: (number) => session.addItems([{ type: "message", role: roleOf(number), content: textOf(number) }]),
      newest: () => session.getItems(LIMIT),
      all: () => session.getItems(),
    },
    {
      name: "LangChain, copied",
      copies: true,
      append: (number) => copied.addMessage(stored(number)),
      newest: async () => structuredClone((await copied.getMessages()).slice(-LIMIT)),
      all: async () => structuredClone(await copied.getMessages()),
    },
    {
      name: "LlamaIndex.TS, copied",
      copies: true,
      append: (number) => theirsCopied.addMessage(key, stored(number)),
      newest: () => structuredClone(theirsCopied.getMessages(key).slice(-LIMIT)),
      all: () => structuredClone(theirsCopied.getMessages(key)),
    },
    {
      name: "LangChain",
      copies: false,
      append: (number) => history.addMessage(langChainMessage(number)),
      newest: async () => (await history.getMessages()).slice(-LIMIT),
      all: () => history.getMessages(),
    },
    {
      name: "LlamaIndex.TS",
      copies: false,
      append: (number) => theirs.addMessage(key, plain(number)),
      newest: () => theirs.getMessages(key).slice(-LIMIT),
      all: () => theirs.getMessages(key),
    },
  ];
  for (const number of numbers(LENGTH)) for (const { append } of all) await append(number);
  return all;
}
