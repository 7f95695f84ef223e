import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type TablestoreServer, tablestoreServer } from "../src/index.js";
import { runSdk, sdkPython } from "./python-sdk.js";

// The official Python SDK, newest version. It refuses an answer whose digest, date or signature is wrong.

/** What the tests need and this server does not have. */
const UNSUPPORTED = [
  "tests.table_operation_test.TableOperationTest.test_create_secondary_index",
  "tests.table_operation_test.TableOperationTest.test_create_table_with_secondary_index",
];
/** Is about a text of the SDK's own, which has changed since. */
const OUTDATED = ["tests.table_operation_test.TableOperationTest.test_PK_type"];

let python: string;
let server: TablestoreServer;

beforeAll(async () => {
  python = await sdkPython();
  server = await tablestoreServer({
    tableReadyMs: 0,
    limits: { tableOperationsPerSecond: 1_000_000 },
    // What the tests and examples do of what the documentation leaves open.
    accept: ["column-names", "condition-on-missing-row", "missing-table-in-batch", "repeated-rows"],
  });
}, 600_000);
afterAll(() => server?.close());

describe("the SDK's own tests", () => {
  test("of rows all pass", async () => {
    const outcomes = await runSdk(python, "tests", ["tests.row_op_test"], server);
    expect(outcomes.filter(({ ok }) => !ok)).toEqual([]);
    expect(outcomes).toHaveLength(30);
  }, 300_000);

  test("of tables pass, but for those of what is not supported", async () => {
    const outcomes = await runSdk(python, "tests", ["tests.table_operation_test"], server);
    const failed = outcomes.filter(({ ok }) => !ok).map(({ test: name }) => name);
    expect(failed.sort()).toEqual([...UNSUPPORTED, ...OUTDATED].sort());
    expect(outcomes).toHaveLength(11);
  }, 300_000);
});

test("the SDK's examples work", async () => {
  const names = [
    "batch_get_row",
    "batch_write_row",
    "delete_row",
    "get_range",
    "get_row",
    "pk_auto_incr",
    "put_row",
    "table_operations",
    "update_row",
  ];
  const outcomes = await runSdk(python, "examples", names, server);
  expect(outcomes).toEqual(names.map((name) => ({ test: name, ok: true })));
}, 300_000);

test("the SDK notices an answer that is not signed for what it says", async () => {
  // Passes everything on, and says another request id than the one that was signed.
  const proxy = createServer((incoming, outgoing) => {
    const { method, headers, url } = incoming;
    const target = { host: "127.0.0.1", port: server.port, method, headers, path: url };
    incoming.pipe(
      request(target, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, { ...answer.headers, "x-ots-requestid": "another" });
        answer.pipe(outgoing);
      }),
    );
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const { port } = proxy.address() as AddressInfo;
  const forged = { ...server, url: `http://127.0.0.1:${port}` };
  const [outcome] = await runSdk(python, "examples", ["table_operations"], forged).catch((error) => [
    { ok: false, error: String(error.stderr) },
  ]);
  proxy.closeAllConnections();
  await new Promise((resolve) => proxy.close(resolve));
  expect(outcome?.error).toContain("Invalid signature in response");
}, 300_000);
