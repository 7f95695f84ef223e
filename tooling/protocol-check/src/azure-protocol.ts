import type { Action as Act } from "@chatkeep/chat-store-conformance";
import { azureClient } from "./azure-client.js";
import { AzureTables } from "./azure-tables.js";
import type { Sources } from "./bundle.js";
import type { Chooser } from "./choices.js";
import { randomSteps } from "./document-protocol.js";
import type { Program } from "./program.js";
import type { CheckedDriver, Ending, Protocol } from "./protocol.js";
import { byChance } from "./random-program.js";
import { patient } from "./service-port.js";
import { smallAzurePrograms } from "./small-azure-programs.js";

export interface AzureProgram extends Program {
  mode: "storage" | "cosmos";
  /** How many actions a transaction takes beside the anchor. */
  actions: number;
  /** How many entities a page has at most. */
  page: number;
}

const chat = "chat";
const metadata = "metadata";
const metadataPartition = "keys";

/** AzureChatStore's layout "llamaindex": `watch` says whether its tables are looked at in the end, as Python does. */
export function azureProtocol(
  { DocumentDriver, LlamaIndexLayout, Requests }: Sources,
  watch: boolean,
): Protocol<AzureProgram, AzureTables> {
  return {
    service: ({ mode, actions, page }) => new AzureTables({ page, actions: actions + 1, ordered: mode === "storage" }),
    driver({ mode, actions }, { send }) {
      const requests = (table: string) => new Requests(azureClient(send, table));
      const limits = { actions, bytes: 100_000 };
      const tables = { chat: requests(chat), metadata: requests(metadata), metadataPartition, mode, limits };
      return new DocumentDriver(new LlamaIndexLayout(tables));
    },
    toPayload: (value) => JSON.stringify({ role: "user", additional_kwargs: {}, blocks: value }),
    toValue: (payload) => (JSON.parse(payload) as { blocks: string }).blocks,
    seed(service, key, values) {
      // What Python deletes leaves a hole.
      const numbers = values.map((_, i) => (values.length % 2 === 0 ? 2 * i + 1 : i));
      const last = rowKeyOf(numbers.at(-1) ?? 0);
      const entities = values.map((value, i) => ({ rowKey: rowKeyOf(numbers[i] ?? 0), properties: entityOf(value) }));
      for (const entity of entities) service.transact(chat, [{ ...created, partitionKey: key, ...entity }]);
      const count = { LastMessageRowKey: last, MessageCount: Number(last) + 1 };
      service.transact(metadata, [{ ...created, partitionKey: metadataPartition, rowKey: key, properties: count }]);
    },
    judged: (calls, { forgotten }) => forgotten.judged(calls),
    end: (ending) => (watch ? untidied(ending) : Promise.resolve([])),
    random: randomAzureProgram,
    small: smallAzurePrograms,
  };
}

const created = { kind: "create", merges: false, etag: "*" } as const;

/** What is not as Python wants it when a client has written to a conversation, and what is left when one has deleted it. */
async function untidied({ program, world, keys, alone, act }: Ending<AzureProgram, AzureTables>): Promise<string[]> {
  const { service } = world;
  const wrong: string[] = [];
  const rows = (key: string) => service.rows(chat, key);
  const count = (key: string) => service.get(metadata, metadataPartition, key)?.properties;
  for (const key of keys) {
    await alone("late", async (driver) => {
      // Who is given up on or dies leaves it to the next one.
      if (program.trouble.faults === 0) await look(driver, key);
      await act(driver, "late", key, { kind: "append", values: [`last of ${key}`] });
      await look(driver, key);
      await lists(driver, key, true);
      await act(driver, "late", key, { kind: "forget" });
      await look(driver, key);
      await lists(driver, key, false);
    });
  }
  return wrong;

  /** As Python does: all entities are the messages. */
  async function look(driver: CheckedDriver, key: string): Promise<void> {
    const { answer } = await act(driver, "late", key, { kind: "read" });
    const seen = rows(key).map(([, { properties }]) => JSON.parse(String(properties.blocks)) as unknown);
    const history = JSON.stringify(answer);
    if (JSON.stringify(seen) !== history)
      wrong.push(`Python reads ${JSON.stringify(seen)} of ${key}: it is ${history}`);
    checkCount(key);
  }

  function checkCount(key: string): void {
    const last = rows(key).at(-1)?.[0];
    const { LastMessageRowKey, MessageCount } = count(key) ?? {};
    const expected = last === undefined ? undefined : Number.parseInt(last, 10) + 1;
    if (LastMessageRowKey === last && MessageCount === expected) return;
    wrong.push(`the count of ${key} is another one: ${LastMessageRowKey} and ${MessageCount} for ${last}`);
  }

  async function lists(driver: CheckedDriver, key: string, expected: boolean): Promise<void> {
    const listed: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await driver.listKeys("", 10, cursor, patient);
      listed.push(...page.keys);
      cursor = page.cursor;
    } while (cursor !== undefined);
    if (listed.includes(key) !== expected) wrong.push(`${key} is listed although it ended, or the other way round`);
  }
}

function rowKeyOf(number: number): string {
  return String(number).padStart(10, "0");
}

function entityOf(value: string) {
  return { role: '"user"', additional_kwargs: "{}", blocks: JSON.stringify(value) };
}

function randomAzureProgram(chooser: Chooser): AzureProgram {
  const { pick, chance } = byChance(chooser);
  // A conversation without messages leaves nothing, as one that was forgotten.
  const ends = !chance(4);
  const kinds: readonly Act["kind"][] | undefined = ends
    ? undefined
    : ["append", "insert", "edit", "replace", "page", "read"];
  const page = pick(2, 3, 1_000);
  const { trouble, ...steps } = randomSteps(chooser, { expires: false, repeats: true, ends, kinds });
  return {
    ...steps,
    trouble: { ...trouble, kinds: [...trouble.kinds, "busy"] },
    mode: pick("storage", "storage", "cosmos"),
    actions: pick(2, 3, 3, 99),
    page,
  };
}
