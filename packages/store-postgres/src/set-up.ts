import type { AbortSignalLike } from "@chatkeep/chat-store-core";
import { pause } from "@chatkeep/chat-store-core/backend";
import type { Database } from "./database.js";
import { isSetUpRace } from "./explain.js";
import { quote } from "./names.js";

/** Only if there is none: who may not make schemas may not say IF NOT EXISTS either. */
export async function makeSchema(database: Database, schema: string, signal: AbortSignalLike): Promise<void> {
  await untilAlone(signal, async () => {
    const { count } = await database.runOnce(signal, "SELECT 1 FROM pg_namespace WHERE nspname = $1", [schema]);
    if (count === 0) await database.runOnce(signal, `CREATE SCHEMA IF NOT EXISTS ${quote(schema)}`);
  });
}

/** Postgres's IF NOT EXISTS may fail when two say it at once; whoever lost finds it there. */
export async function untilAlone(signal: AbortSignalLike, step: () => Promise<void>): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return await step();
    } catch (error) {
      if (!isSetUpRace(error) || tries === 20 || signal.aborted) throw error;
      await pause(Math.random() * 20 * (tries + 1), signal);
    }
  }
}
