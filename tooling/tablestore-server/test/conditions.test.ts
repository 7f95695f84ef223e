import { expect, test } from "vitest";
import { type Client, createTable, errorOf, ignore, Long, list, sdk, started } from "./npm-sdk.js";

const { EQUAL, NOT_EQUAL, GREATER_THAN, LESS_EQUAL } = sdk.ComparatorType;
const { AND, OR, NOT } = sdk.LogicalOperator;
const { EXPECT_EXIST, IGNORE, EXPECT_NOT_EXIST } = sdk.RowExistenceExpectation;

const when = (...parameters: ConstructorParameters<typeof sdk.SingleColumnCondition>) =>
  new sdk.SingleColumnCondition(...parameters);

function all(operator: number, ...parts: object[]) {
  const condition = new sdk.CompositeCondition(operator);
  for (const part of parts) condition.addSubCondition(part);
  return condition;
}

const write = (client: Client, column: object, existence = EXPECT_EXIST, id = "row") =>
  client.updateRow({
    tableName: "t",
    condition: new sdk.Condition(existence, column),
    primaryKey: list({ id }),
    updateOfAttributeColumns: [{ PUT: list({ written: Long.fromNumber(1) }) }],
  });

async function withRow(options = {}) {
  // Every write has a time of its own, and so makes a version.
  let time = Date.now();
  const { client } = await started({ ...options, now: () => time++ });
  await createTable(client, "t", { id: "STRING" }, { maxVersions: 10 });
  await client.putRow({
    tableName: "t",
    condition: ignore,
    primaryKey: list({ id: "row" }),
    attributeColumns: list({ text: "b", n: Long.fromNumber(-5), half: 0.5, yes: true }),
  });
  return {
    client,
    /** Whether a write on this condition is done. */
    holds: async (column: object) => {
      const before = await written(client);
      try {
        await write(client, column);
      } catch (error) {
        expect(String(error)).toContain("Condition check failed.");
        expect(await written(client)).toBe(before);
        return false;
      }
      expect(await written(client)).toBe(before + 1);
      return true;
    },
  };
}

/** How many versions of the column there are, so that a write that was refused shows that it did nothing. */
async function written(client: Client): Promise<number> {
  const { row } = await client.getRow({
    tableName: "t",
    primaryKey: list({ id: "row" }),
    columnsToGet: ["written"],
    maxVersions: 10,
  });
  return row.attributes?.length ?? 0;
}

test("a column is compared with a constant", async () => {
  const { holds } = await withRow();
  expect(await holds(when("text", "b", EQUAL))).toBe(true);
  expect(await holds(when("text", "B", EQUAL))).toBe(false);
  expect(await holds(when("text", "b", NOT_EQUAL))).toBe(false);
  expect(await holds(when("text", "a", GREATER_THAN))).toBe(true);
  expect(await holds(when("n", Long.fromNumber(-6), LESS_EQUAL))).toBe(false);
  expect(await holds(when("n", Long.fromNumber(-5), LESS_EQUAL))).toBe(true);
});

test("a column that is not there passes or not, as the condition says", async () => {
  const { holds } = await withRow();
  expect(await holds(when("missing", "x", EQUAL, true))).toBe(true);
  expect(await holds(when("missing", "x", EQUAL, false))).toBe(false);
});

test("conditions are combined, two and two", async () => {
  const { client, holds } = await withRow();
  const [yes, no] = [when("text", "b", EQUAL), when("text", "x", EQUAL)];
  expect(await holds(all(AND, yes, no))).toBe(false);
  expect(await holds(all(OR, no, yes))).toBe(true);
  expect(await holds(all(NOT, no))).toBe(true);
  const three = await errorOf(write(client, all(AND, yes, yes, yes)));
  expect(three.message).toBe("Invalid AND/OR operator: the number of sub-filters must be 2.");
  const two = await errorOf(write(client, all(NOT, yes, yes)));
  expect(two.message).toBe("Invalid NOT operator: the number of sub-filters must be 1.");
});

test("ten comparisons are allowed, eleven are not", async () => {
  const { client, holds } = await withRow();
  let condition: object = when("text", "b", EQUAL);
  for (let count = 2; count <= 10; count++) condition = all(AND, condition, when("text", "b", EQUAL));
  expect(await holds(condition)).toBe(true);
  const { message } = await errorOf(write(client, all(AND, condition, when("text", "b", EQUAL))));
  expect(message).toBe("The count of filter exceeds the max:10.");
});

test("a condition on any version looks at all that there are", async () => {
  const { client, holds } = await withRow();
  await client.updateRow({
    tableName: "t",
    condition: ignore,
    primaryKey: list({ id: "row" }),
    updateOfAttributeColumns: [{ PUT: list({ text: "newer" }) }],
  });
  expect(await holds(when("text", "b", EQUAL, false, true))).toBe(false);
  expect(await holds(when("text", "b", EQUAL, false, false))).toBe(true);
});

test("what is not known of the service is refused: other types, rows that are not there, keys", async () => {
  const { client, holds } = await withRow();
  expect(await holds(when("text", Long.fromNumber(1), EQUAL))).toBe(false);
  const unknown = async (call: Promise<unknown>) => (await errorOf(call)).message.match(/unknown: (.*)\./)?.[1];
  expect(await unknown(write(client, when("text", Long.fromNumber(1), NOT_EQUAL)))).toBe("other-type");
  const missing = when("text", "b", EQUAL);
  expect(await unknown(write(client, missing, IGNORE, "nobody"))).toBe("condition-on-missing-row");
  expect(await unknown(write(client, missing, EXPECT_NOT_EXIST, "nobody"))).toBe("expect-not-exist");
  expect((await errorOf(write(client, missing, EXPECT_EXIST, "nobody"))).code).toBe("OTSConditionCheckFail");
  expect((await errorOf(write(client, when("id", "row", EQUAL)))).message).toMatch(
    /does not support conditions on primary/,
  );
});

test("and what is accepted is done", async () => {
  const { client } = await withRow({ accept: ["condition-on-missing-row", "other-type"] });
  await write(client, when("text", "b", EQUAL, true), IGNORE, "new");
  expect((await errorOf(write(client, when("text", "b", EQUAL, false), IGNORE, "other"))).code).toBe(
    "OTSConditionCheckFail",
  );
  expect((await errorOf(write(client, when("text", Long.fromNumber(1), NOT_EQUAL)))).code).toBe(
    "OTSConditionCheckFail",
  );
});
