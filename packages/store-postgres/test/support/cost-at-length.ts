import { startPostgres } from "@chatkeep/test-servers";
import { costsOn } from "./costs.js";
import { makeTables, sql } from "./schemas.js";

// What operations cost on 100 and on 1,000,000 messages, among 10,000,000 of others: `pnpm costs`, some minutes.
const others = Number(process.argv[2] ?? 10_000_000);
const long = Number(process.argv[3] ?? 1_000_000);

const server = await startPostgres({ settings: ["max_wal_size = '4GB'", "autovacuum = off"] });
try {
  const schemaName = await makeTables(server.url, "chatkeep");
  const heads = `"${schemaName}".chatstore_conversations`;
  const rows = `"${schemaName}".chatstore_messages`;
  const payload = `'{"role":"user","additional_kwargs":{},"blocks":[{"block_type":"text","text":"' || repeat('x', 300) || '"}]}'`;
  const head = (key: string, length: string) =>
    `SELECT ${key}, 1, 1, ${length}, 1, ${length}, ${length} + 1, '', now()`;
  const fill = async (name: string, length: number) => {
    await sql(
      server.url,
      `INSERT INTO ${rows} SELECT '${name}', 1, n, ${payload} FROM generate_series(1, ${length}) n`,
    );
    await sql(
      server.url,
      `INSERT INTO ${heads} (key, life, version, length, first_position, last_position, next_position, operations, written_at) ${head(`'${name}'`, `${length}`)}`,
    );
  };
  const conversations = Math.ceil(others / 100);
  console.log(`${others} messages of others…`);
  await sql(
    server.url,
    `INSERT INTO ${rows} SELECT 'other ' || c, 1, n, ${payload} FROM generate_series(1, ${conversations}) c, generate_series(1, 100) n`,
  );
  await sql(
    server.url,
    `INSERT INTO ${heads} (key, life, version, length, first_position, last_position, next_position, operations, written_at) ${head("'other ' || c", "100")} FROM generate_series(1, ${conversations}) c`,
  );
  await fill("short", 100);
  await fill("long", long);
  await fill("popped", long);
  await sql(server.url, `UPDATE ${rows} SET life = 0 WHERE key = 'popped' AND position > 100`);
  await sql(server.url, `UPDATE ${heads} SET length = 100, last_position = 100 WHERE key = 'popped'`);
  await sql(server.url, `ANALYZE ${rows}`);
  await sql(server.url, `ANALYZE ${heads}`);
  await sql(server.url, "CHECKPOINT");
  const titles = {
    short: "100 messages",
    long: `${long} messages`,
    popped: `100 left after ${long - 100} pops, no vacuum`,
  };
  for (const [key, title] of Object.entries(titles)) {
    console.log(`\n${title}`);
    for (const [operation, { blocks, log, ms }] of Object.entries(
      await costsOn(server.url, schemaName, key, "generic"),
    )) {
      console.log(
        `  ${operation.padEnd(10)} ${String(blocks).padStart(5)} blocks ${String(log).padStart(6)} bytes of log ${ms.toFixed(2)} ms`,
      );
    }
  }
} finally {
  await server.stop();
}
