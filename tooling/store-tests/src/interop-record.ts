import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, it } from "vitest";

/** What a run has seen of one backend, for `interop-table`. */
export interface InteropRecord {
  readonly backend: string;
  /** What was spoken to: `Redis 7.0.15`. */
  server: string;
  python: string;
  /** Of LlamaIndex's packages, by name. */
  newest: Readonly<Record<string, string>>;
  oldest: Readonly<Record<string, string>>;
  readonly verified: string[];
  /** Which samples Python's package can't write or read. */
  readonly gaps: string[];
  /** What else it fails at. */
  readonly failures: string[];
}

/** Where the record of a backend lies. */
export const recordFile = (backend: string) =>
  fileURLToPath(new URL(`../../../.cache/interop/${backend}.json`, import.meta.url));

const records = new Map<string, InteropRecord>();
const failed = new Set<string>();

/** The record of a backend, one in each test file. */
function recordOf(backend: string): InteropRecord {
  const known = records.get(backend);
  if (known !== undefined) return known;
  const record = { backend, server: "", python: "", newest: {}, oldest: {}, verified: [], gaps: [], failures: [] };
  records.set(backend, record);
  return record;
}

/** Of LlamaIndex's packages: those that a store needs. */
export function llamaIndexVersions(versions: Readonly<Record<string, string>>, backend: string) {
  const names = ["llama-index-core", `llama-index-storage-chat-store-${backend}`];
  return Object.fromEntries(names.flatMap((name) => (versions[name] === undefined ? [] : [[name, versions[name]]])));
}

/** In a `describe`: what its tests saw is written down when all have passed, and nothing when one has not. */
export function recorded(backend: string): InteropRecord {
  const record = recordOf(backend);
  beforeAll(() => rmSync(recordFile(backend), { force: true }));
  afterEach(({ task }) => {
    if (task.result?.state === "fail") failed.add(backend);
  });
  afterAll(() => {
    if (failed.has(backend) || record.server === "") return;
    mkdirSync(dirname(recordFile(backend)), { recursive: true });
    writeFileSync(recordFile(backend), `${JSON.stringify(record, null, 2)}\n`);
  });
  return record;
}

function recordedTest(seen: string[], title: string, what: string, test: () => Promise<void>): void {
  it(title, async () => {
    await test();
    if (!seen.includes(what)) seen.push(what);
  });
}

/** Defines a test of something that both languages can do. In a `describe` with {@link recorded}. */
export function verifies(record: InteropRecord, what: string, test: () => Promise<void>): void {
  recordedTest(record.verified, what, what, test);
}

/** Defines a test that shows how Python's package fails, and that ours holds. In a `describe` with {@link recorded}. */
export function pythonFails(record: InteropRecord, what: string, test: () => Promise<void>): void {
  recordedTest(record.failures, `Python's package fails: ${what}`, what, test);
}
