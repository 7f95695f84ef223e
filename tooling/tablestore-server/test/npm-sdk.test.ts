import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type TablestoreServer, tablestoreServer } from "../src/index.js";

// The official npm SDK: the tests and samples that are published with it.

const run = promisify(execFile);
const require = createRequire(import.meta.url);
const sdk = dirname(require.resolve("tablestore/package.json"));

let server: TablestoreServer;

beforeAll(async () => {
  server = await tablestoreServer({ tableReadyMs: 0, limits: { tableOperationsPerSecond: 1_000 } });
});
afterAll(() => server.close());

/** As the SDK's tests and samples read it. */
const variables = () => ({
  ...process.env,
  accessKeyId: server.accessKeyId,
  secretAccessKey: server.accessKeySecret,
  endpoint: server.url,
  instancename: server.instanceName,
});

test("the SDK's own tests pass, of what is supported", async () => {
  const mocha = join(dirname(require.resolve("mocha/package.json")), "bin", "mocha.js");
  const files = ["data_opration", "table", "long", "protocol/plain_buffer"].map((name) =>
    join(sdk, "test", `${name}.test.js`),
  );
  const { stdout } = await run(process.execPath, [mocha, "--reporter", "json-stream", "--exit", ...files], {
    env: variables(),
  });
  const events = stdout.split("\n").filter((line) => line.startsWith('["'));
  const titles = (kind: string) =>
    events.map((line) => JSON.parse(line)).flatMap(([event, { fullTitle }]) => (event === kind ? [fullTitle] : []));
  expect(titles("fail")).toEqual([]);
  expect(titles("pass").sort()).toEqual([
    "Long #fromNumber int64.toNumber() should equal num",
    "data_opration getrow data should equal putrow data",
    "plainBuffer attributeColumn_serialize_deserialize deserialized result should equal attributeColumns",
    "plainBuffer primaryKey_serialize_deserialize deserialized result should equal primaryKey",
    "table_test allowUpdate",
  ]);
});

test("the SDK's samples work", async () => {
  const names = [
    "createTable",
    "listTable",
    "describeTable",
    "putRow",
    "getRow",
    "conditionUpdateRow",
    "batchWriteRow",
    "batchGetRow",
    "updateRow",
    "getRange",
    "updateTable",
    "deleteRow",
    "primarykey",
  ];
  const runner = fileURLToPath(new URL("npm-samples.cjs", import.meta.url));
  const { stdout } = await run(process.execPath, [runner, join(sdk, "samples"), ...names], { env: variables() });
  const outputs = stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  expect(outputs.map(({ sample }) => sample)).toEqual(names);
  for (const { sample, output } of outputs) {
    expect(`${sample}: ${output}`).toMatch(/success|gid/);
    expect(`${sample}:\n${output}`).not.toMatch(/^error/m);
  }
});
