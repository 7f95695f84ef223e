import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type InteropRecord, recordFile } from "./interop-record.js";

/** The page that has the tables, between two comments. */
export const page = fileURLToPath(new URL("../../../docs/llamaindex.md", import.meta.url));

const stores = {
  simple: "SimpleChatStore",
  redis: "RedisChatStore",
  upstash: "UpstashChatStore",
  azure: "AzureChatStore",
  dynamodb: "DynamoDBChatStore",
  postgres: "PostgresChatStore",
  tablestore: "TablestoreChatStore",
} as const;
type Backend = keyof typeof stores;
const backends = Object.keys(stores) as Backend[];
const shared = backends.filter((backend) => backend !== "simple");

const [begin, end] = ["<!-- written by `pnpm interop-table` -->", "<!-- up to here -->"];
const pinned = (name: string) => readFileSync(fileURLToPath(new URL(`../../interop/${name}`, import.meta.url)), "utf8");

/** A version in a requirements file of `tooling/interop`. */
function pin(requirements: string, name: string): string | undefined {
  return new RegExp(`^${name}==(\\S+)$`, "m").exec(pinned(requirements))?.[1];
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

/** The row of a store among the versions. */
function versionsRow(backend: Backend, newest: Versions, oldest: Versions, server: string): string[] {
  const name = backend === "simple" ? "llama-index-core" : `llama-index-storage-chat-store-${backend}`;
  const of = (versions: Versions) =>
    backend === "simple" ? `${versions[name]}` : `${versions[name]}, on core ${versions["llama-index-core"]}`;
  return [`\`${stores[backend]}\``, `\`${name}\``, of(newest), of(oldest), server];
}
type Versions = Readonly<Record<string, string | undefined>>;

/** What the rows of the versions must begin with, by the requirements that are installed. */
export function pinnedRows(): string[] {
  return backends.map((backend) => {
    const oldest = backend === "tablestore" ? "requirements-plain.txt" : "requirements-stores-old.txt";
    const names = ["llama-index-core", `llama-index-storage-chat-store-${backend}`];
    const of = (requirements: string) => Object.fromEntries(names.map((name) => [name, pin(requirements, name)]));
    return versionsRow(backend, of("requirements.txt"), of(oldest), "").slice(0, -1).join(" | ");
  });
}

/** Of tests whose title ends with the version of Python's that it is about; the newest if there is none. */
function fileTable({ verified }: InteropRecord): string {
  const versions = ["the newest", "the last without blocks", "the oldest"];
  const told = verified.map((title) => title.split(": "));
  return table(
    ["", ...versions],
    [...new Set(told.map(([what = ""]) => what))].map((what) => [
      what,
      ...versions.map((version) =>
        told.some(([each, which = "the newest"]) => each === what && which === version) ? "yes" : "",
      ),
    ]),
  );
}

/** What the tests of all stores saw, as Markdown. Throws when those of a store have not passed. */
function tables(): string {
  const records = Object.fromEntries(
    backends.map((backend) => {
      try {
        return [backend, JSON.parse(readFileSync(recordFile(backend), "utf8")) as InteropRecord];
      } catch {
        throw new Error(`There is no record of ${backend}: run its tests with Python first, and all of them.`);
      }
    }),
  ) as Record<Backend, InteropRecord>;
  const rows = [...new Set(shared.flatMap((backend) => records[backend].verified))];
  const everywhere = records.redis.failures.filter((what) =>
    shared.every((backend) => records[backend].failures.includes(what)),
  );
  const failures = backends.flatMap((backend) => {
    const { gaps, failures } = records[backend];
    const own = failures.filter((what) => !everywhere.includes(what));
    if (gaps.length > 0) own.unshift(`writes or reads not: ${gaps.join(", ")}`);
    return own.map((what) => [`\`${stores[backend]}\``, what]);
  });
  return [
    `Python ${records.simple.python}.`,
    table(
      ["store", "package of Python's", "newest", "oldest", "on"],
      backends.map((backend) => {
        const { newest, oldest, server } = records[backend];
        return versionsRow(backend, newest, oldest, server);
      }),
    ),
    "On one server, in the layout `llamaindex`:",
    table(
      ["", ...shared.map((backend) => stores[backend].replace("ChatStore", ""))],
      rows.map((what) => [what, ...shared.map((backend) => (records[backend].verified.includes(what) ? "yes" : ""))]),
    ),
    "Files and texts, by llama-index-core:",
    fileTable(records.simple),
    "Where Python's packages fail, and Chatkeep on the same data does not:",
    table(["store", "Python's package"], [...everywhere.map((what) => ["every store", what]), ...failures]),
  ].join("\n\n");
}

/** The text of the page with what was seen. */
export function withTables(text: string): string {
  const [before, rest = ""] = text.split(begin);
  const [, after] = rest.split(end);
  if (after === undefined) throw new Error(`${page} has no place for the tables.`);
  return `${before}${begin}\n\n${tables()}\n\n${end}${after}`;
}
