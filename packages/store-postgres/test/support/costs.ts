import type { Operation } from "@chatkeep/chat-store-core/backend";
import { Client, escapeLiteral } from "pg";
import { statements } from "../../src/chatkeep-sql.js";
import { tablesOf } from "../../src/names.js";
import { entryOf, markerOf, openEntry } from "../../src/operations.js";

/** What a statement cost the server. */
export interface Cost {
  /** Blocks of 8 KB that it read or changed, wherever they were. */
  blocks: number;
  /** Bytes that it wrote to the log. */
  log: number;
  ms: number;
}

interface Plan {
  Plan: Record<string, unknown>;
  "Execution Time": number;
}

const operation = (i: number) => ({ id: `cost ${i}`, fingerprint: "a", fromCaller: false });

/**
 * What the statements of the layout "chatkeep" cost on a conversation, by EXPLAIN, which runs them: an append, the newest 20,
 * the oldest 20, a count and a pop, each the median of a few. Planned for the values of each call, as they are when they are
 * not prepared, or for any, as a prepared one is from its sixth execution on.
 */
export async function costsOn(
  url: string,
  schemaName: string,
  key: string,
  plan: "custom" | "generic",
): Promise<Record<string, Cost>> {
  const sql = statements(tablesOf(schemaName, "chatstore"));
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(`SET plan_cache_mode = force_${plan}_plan`);
  let number = 0;
  const payload = JSON.stringify({
    role: "user",
    additional_kwargs: {},
    blocks: [{ block_type: "text", text: "x".repeat(400) }],
  });
  const named = (entry: (of: Operation) => string) => {
    const next = entry(operation(++number));
    return [markerOf(next), next];
  };
  const measured: Record<string, () => [string, unknown[]]> = {
    append: () => [sql.append, [key, ...named(entryOf), null, null, [payload], false]],
    "newest 20": () => [sql.page, [key, 20, null]],
    "oldest 20": () => [sql.oldest, [key, 20]],
    count: () => [sql.count, [key]],
    pop: () => [sql.remove, [key, ...named(openEntry), null, null, null]],
  };
  try {
    const costs: Record<string, Cost> = {};
    for (const [name, next] of Object.entries(measured)) {
      const runs: Cost[] = [];
      await client.query(`PREPARE measured AS ${next()[0]}`);
      for (let i = 0; i < 9; i++) {
        const values = next()[1].map(literal).join(", ");
        const { rows } = await client.query(
          `EXPLAIN (ANALYZE, BUFFERS, WAL, FORMAT JSON) EXECUTE measured (${values})`,
        );
        const [plan] = rows[0]["QUERY PLAN"] as Plan[];
        if (plan === undefined) throw new Error("no plan");
        const { "Shared Hit Blocks": hit, "Shared Read Blocks": read, "WAL Bytes": log } = plan.Plan;
        runs.push({ blocks: Number(hit) + Number(read), log: Number(log), ms: plan["Execution Time"] });
      }
      await client.query("DEALLOCATE measured");
      costs[name] = runs.sort((a, b) => a.blocks - b.blocks)[4] as Cost;
    }
    return costs;
  } finally {
    await client.end();
  }
}

/** EXECUTE takes no parameters. */
function literal(value: unknown): string {
  if (Array.isArray(value)) return `ARRAY[${value.map(literal).join(", ")}]::text[]`;
  return typeof value === "string" ? escapeLiteral(value) : String(value ?? "NULL");
}
