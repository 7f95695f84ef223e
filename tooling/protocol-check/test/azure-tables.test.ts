import { AzureNamedKeyCredential, TableClient } from "@azure/data-tables";
import { azuriteAccount } from "@chatkeep/test-servers";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { describe, expect, it } from "vitest";
import { codeOf, statusOf } from "../../../packages/store-azure/src/explain.js";
import type { TableClientLike } from "../../../packages/store-azure/src/options.js";
import { azureClient } from "../src/azure-client.js";
import { AzureTables } from "../src/azure-tables.js";
import { RandomChooser } from "../src/choices.js";

const server = runningServer("azurite");
const table = `Model${process.pid}`;

interface Named {
  rowKey: string;
  /** What the entity had some time ago. */
  etag?: string | undefined;
}

describe.runIf(server)("tables in memory", () => {
  it("answer as Azurite does", async () => {
    const credential = new AzureNamedKeyCredential(azuriteAccount.name, azuriteAccount.key);
    const real: TableClientLike = new TableClient(server!.url, table, credential, {
      allowInsecureConnection: true,
      retryOptions: { maxRetries: 0 },
    });
    const tables = new AzureTables({ page: 1_000, actions: 100, ordered: true });
    const model = azureClient(async (_kind, apply) => apply(tables), "messages");
    await real.createTable();

    const chooser = new RandomChooser(1);
    const pick = <T>(...options: readonly T[]): T => options[chooser.choose(options.length)] as T;
    /** ETags by RowKey as both gave them, some of them old. */
    const etags = new Map<string, { model: string | undefined; real: string | undefined }[]>();
    const counts: Record<string, number> = {};
    let values = 0;

    for (let step = 0; step < 300; step++) {
      const rowKeys = ["0000000000", "0000000001", "0000000001-I", "0000000002"].filter(() => chooser.choose(2) === 0);
      const chosen = rowKeys.map((rowKey) => ({
        rowKey,
        etag: pick(undefined, ...(etags.get(rowKey) ?? []).slice(-2)),
      }));
      const properties = pick<object>({ a: `it's ${++values}` }, { b: values, c: true }, { chatkeepEnd: false, a: "" });
      const action = pick("create", "update", "upsert", "delete", "batch", "get", "list", "pages");
      const mode = pick("Merge" as const, "Replace" as const);
      const kinds = chosen.map(() => pick("create", "update", "upsert", "delete"));

      const done = async (client: TableClientLike, which: "model" | "real") => {
        const given = chosen.map(({ rowKey, etag }): Named => ({ rowKey, etag: etag?.[which] }));
        return outcomeOf(client, { action, mode, kinds, properties, given });
      };
      const [ours, theirs] = [await done(model, "model"), await done(real, "real")];
      expect(ours.shown, `step ${step}: ${action} ${JSON.stringify({ chosen, kinds, properties })}`).toEqual(
        theirs.shown,
      );
      for (const [rowKey, etag] of ours.etags) {
        etags.set(rowKey, [...(etags.get(rowKey) ?? []), { model: etag, real: theirs.etags.get(rowKey) }]);
      }
      const what = JSON.stringify(theirs.shown).match(/"status":(\d+)/)?.[1] ?? "done";
      counts[what] = (counts[what] ?? 0) + 1;
    }
    expect(Object.keys(counts).sort()).toEqual(["404", "409", "412", "done"]);
    for (const count of Object.values(counts)) expect(count).toBeGreaterThan(10);
    await (real as TableClient).deleteTable();
  });
});

interface Request {
  action: string;
  mode: "Merge" | "Replace";
  kinds: readonly string[];
  properties: object;
  given: readonly Named[];
}

/** What a client is told: contents or a refusal, and ETags by RowKey. */
async function outcomeOf(client: TableClientLike, request: Request) {
  const etags = new Map<string, string | undefined>();
  try {
    return { shown: await send(client, request, etags), etags };
  } catch (error) {
    if (statusOf(error) === 0) throw error;
    return { shown: { status: statusOf(error), code: codeOf(error) }, etags: new Map<string, string>() };
  }
}

async function send(
  client: TableClientLike,
  { action, mode, kinds, properties, given }: Request,
  etags: Map<string, string | undefined>,
): Promise<unknown> {
  const partitionKey = "it's a key";
  const [first] = given;
  if (action === "list" || action === "pages") {
    const range = first === undefined ? "" : ` and RowKey ge '${first.rowKey}' and RowKey lt '0000000002'`;
    const queryOptions = {
      filter: `PartitionKey eq 'it''s a key'${range}`,
      ...(first?.etag ? { select: ["RowKey", "a"] } : {}),
    };
    const shown: unknown[] = [];
    let continuationToken: string | undefined;
    do {
      const settings = {
        maxPageSize: action === "list" ? 1_000 : 2,
        ...(continuationToken === undefined ? {} : { continuationToken }),
      };
      const page = (await client.listEntities({ queryOptions }).byPage(settings).next()).value;
      shown.push((page ?? []).map(contentOf));
      continuationToken = page?.continuationToken;
    } while (continuationToken !== undefined);
    return shown;
  }
  if (first === undefined) return [];
  const { rowKey, etag } = first;
  const entity = { partitionKey, rowKey, ...properties };
  const condition = etag === undefined ? {} : { etag };
  if (action === "get") {
    const found = await client.getEntity(partitionKey, rowKey);
    etags.set(rowKey, found.etag);
    return contentOf(found);
  }
  if (action === "batch") {
    const actions = given.map(({ rowKey, etag }, i) => {
      const one = { partitionKey, rowKey, ...properties };
      if (kinds[i] === "create") return ["create", one] as const;
      if (kinds[i] === "delete") return ["delete", { partitionKey, rowKey }] as const;
      if (kinds[i] === "upsert") return ["upsert", one, mode] as const;
      return ["update", one, mode, etag === undefined ? {} : { etag }] as const;
    });
    const { subResponses } = await client.submitTransaction(actions.map((each) => [...each] as never));
    subResponses.forEach((response, i) => void etags.set(given[i]?.rowKey ?? "", response.etag));
    return subResponses.map((response) => response.etag !== undefined);
  }
  if (action === "delete") {
    await client.deleteEntity(partitionKey, rowKey, condition);
    return "deleted";
  }
  const answer =
    action === "create"
      ? await client.createEntity(entity)
      : action === "upsert"
        ? await client.upsertEntity(entity, mode)
        : await client.updateEntity(entity, mode, condition);
  etags.set(rowKey, answer.etag);
  return "written";
}

/** Without what each service makes for itself. */
function contentOf(entity: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(entity)
      .filter(
        ([name, value]) =>
          !/^(?:etag|timestamp|odata\..*|client.*Id|requestId|version|date|contentType)$/i.test(name) &&
          value !== undefined,
      )
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
