import type { Subject } from "@chatkeep/chat-store-conformance";
import { postgresUser } from "@chatkeep/test-servers";
import { PostgresChatStore, type PostgresLayout } from "../../src/index.js";
import { countingPool, dropSchema, makeTables, sql } from "./schemas.js";

/** A layout on a Postgres, each place a schema of its own. */
export function subjectOf(
  layout: PostgresLayout,
  url: string,
  { poolSize, ...more }: Partial<Subject> & { poolSize?: number } = {},
): Subject {
  const schemas = new Map<object, string>();
  return {
    name: `PostgresChatStore, layout ${layout}`,
    async space() {
      let requests = 0;
      const schemaName = await makeTables(url, layout);
      const pool = countingPool(url, () => requests++, poolSize);
      const space = {
        connect: async (options = {}) => new PostgresChatStore({ pool, schemaName, layout, ...options }),
        requests: () => requests,
        // Time passes for rows by being moved back; chatkeep-layout.test.ts waits for it.
        ...(layout === "llamaindex" ? {} : { advanceTime: (ms: number) => moveBack(url, schemaName, ms) }),
        async dispose() {
          await pool.end();
          await dropSchema(url, schemaName);
        },
      };
      schemas.set(space, schemaName);
      return space;
    },
    secrets: [postgresUser.password],
    async injected(space) {
      const pool = countingPool(url, () => {});
      const store = new PostgresChatStore({ pool, schemaName: schemas.get(space), layout });
      return {
        store,
        clientWorks: () =>
          pool.query("SELECT 1").then(
            () => true,
            () => false,
          ),
        closeClient: () => pool.end(),
      };
    },
    ...more,
  };
}

async function moveBack(url: string, schemaName: string, ms: number): Promise<void> {
  const heads = `"${schemaName}".chatstore_conversations`;
  await sql(url, `UPDATE ${heads} SET expires_at = expires_at - $1 * interval '1 millisecond'`, [ms]);
}
