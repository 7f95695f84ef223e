import { fileURLToPath } from "node:url";
import { OURS, type Results } from "../results.js";
import type { Contender } from "../rounds.js";
import type { Row } from "../row.js";
import { bundledBytes, importMilliseconds, installedBytes } from "../sizes.js";
import { summarize } from "../statistics.js";

const WHAT = "size";

/** What an application imports to keep a history, and from which package. */
interface Subject {
  readonly name: string;
  readonly package: string;
  /** Where it is imported from, if not from the package's own entry. */
  readonly specifier?: string;
  readonly imports: string;
}

const ours = (backend: string, imports: string): Subject => ({
  name: OURS,
  package: `@chatkeep/chat-store-${backend}`,
  imports,
});
const langChain = (file: string, imports: string): Subject => ({
  name: "LangChain",
  package: "@langchain/community",
  specifier: `@langchain/community/stores/message/${file}`,
  imports,
});
const mastra = (backend: string, imports: string): Subject => ({
  name: "Mastra",
  package: `@mastra/${backend}`,
  imports,
});

const subjects: Readonly<Record<string, readonly Subject[]>> = {
  core: [
    ours("core", "SimpleChatStore, ChatMemoryBuffer"),
    {
      name: "LangChain",
      package: "@langchain/core",
      specifier: "@langchain/core/chat_history",
      imports: "InMemoryChatMessageHistory",
    },
    {
      name: "LlamaIndex.TS",
      package: "@llamaindex/core",
      specifier: "@llamaindex/core/memory",
      imports: "ChatMemoryBuffer",
    },
    { name: "OpenAI Agents", package: "@openai/agents-core", imports: "MemorySession" },
  ],
  redis: [
    ours("redis", "RedisChatStore"),
    langChain("ioredis", "RedisChatMessageHistory"),
    mastra("redis", "RedisStore"),
    { name: "vercel/chat", package: "@chat-adapter/state-ioredis", imports: "createIoRedisState" },
  ],
  postgres: [
    ours("postgres", "PostgresChatStore"),
    langChain("postgres", "PostgresChatMessageHistory"),
    mastra("pg", "PostgresStore"),
    { name: "VoltAgent", package: "@voltagent/postgres", imports: "PostgreSQLMemoryAdapter" },
  ],
  upstash: [
    ours("upstash", "UpstashChatStore"),
    langChain("upstash_redis", "UpstashRedisChatMessageHistory"),
    mastra("upstash", "UpstashStore"),
  ],
  dynamodb: [
    ours("dynamodb", "DynamoDBChatStore"),
    langChain("dynamodb", "DynamoDBChatMessageHistory"),
    mastra("dynamodb", "DynamoDBStore"),
  ],
  azure: [ours("azure", "AzureChatStore")],
  tablestore: [ours("tablestore", "TablestoreChatStore")],
};

const here = fileURLToPath(new URL("../../", import.meta.url));

export const size: Row = {
  name: WHAT,
  title: "Size and start",
  text: `Each with the driver that it uses. Bundled: by esbuild, minified and gzipped, what one import of the class loads at once. Installed: the
package and all that it depends on (required peers too), unpacked. Import: the time of that import in a new process, its files in the
system's cache.`,
  async measure({ results, peersFolder, quick }) {
    for (const [store, all] of Object.entries(subjects)) {
      const imports: Contender[] = [];
      for (const subject of all) {
        const from = subject.name === OURS ? here : peersFolder;
        const specifier = subject.specifier ?? subject.package;
        const place = { what: WHAT, store: "", variant: store, contender: subject.name };
        results.add({ ...place, unit: "MB installed", value: installedBytes(from, subject.package) / 1e6 });
        const code = `export { ${subject.imports} } from ${JSON.stringify(specifier)};`;
        const bundled = await bundledBytes(from, code).catch((error: Error) => {
          console.warn(`${subject.package} can't be bundled: ${error.message.split("\n")[0]}`);
        });
        if (bundled !== undefined) results.add({ ...place, unit: "KB bundled", value: bundled / 1e3 });
        imports.push({ name: subject.name, run: () => importMilliseconds(from, specifier) });
      }
      // The processes' own starts are left out: they tell the time themselves.
      const times = new Map<string, number[]>(imports.map(({ name }) => [name, []]));
      for (let round = 0; round < (quick ? 1 : 3); round++) {
        for (const { name, run } of imports) times.get(name)?.push((await run()) as number);
      }
      for (const [contender, samples] of times) {
        const place = { what: WHAT, store: "", variant: store, contender };
        results.add({ ...place, unit: "ms of import", value: summarize(samples).median });
      }
      judge(results, store);
    }
  },
};

function judge(results: Results, store: string): void {
  const own = results.measurements.filter(({ what, variant }) => what === WHAT && variant === store);
  const ourKilobytes = own.find(({ contender, unit }) => contender === OURS && unit === "KB bundled")?.value;
  for (const { contender, value } of own.filter(({ contender, unit }) => contender !== OURS && unit === "KB bundled")) {
    const text = `${store}, bundled: smaller than ${contender}`;
    results.aimRatio(WHAT, text, ourKilobytes, value, { atMost: 1 });
  }
  if (store !== "core") return;
  const milliseconds = own.find(({ contender, unit }) => contender === OURS && unit === "ms of import")?.value;
  results.aim(WHAT, "core is imported in less than 20 ms", milliseconds ?? Number.NaN, { atMost: 20 }, "ms");
}
