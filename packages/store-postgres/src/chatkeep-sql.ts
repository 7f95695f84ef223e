import type { Tables } from "./names.js";
import { entryLength, mostRemembered, timeLength } from "./operations.js";

/**
 * The statements of the layout "chatkeep". Each is one transaction on one conversation, and locks the head before
 * anything else.
 *
 * A statement sees the rows as they were when it began, and, of a row that it has to wait for, the newest version (READ
 * COMMITTED). So a statement may do one of two things and no other: compute from the head's own columns in `SET`, which
 * sees the newest version; or read messages and write only if the head's `version` is still the one that it read.
 */

/** Positions that an append leaves unused behind it when messages at the end were removed, before it uses them again. */
const mostUnused = 1_000;

/** Removed messages are kept as answers to repeated operations, for as many versions of the head. */
const keptVersions = 100;

/** Heads that one statement of a purge looks at. */
const purgedAtOnce = 500;

/** Digits behind the point of a position, beyond which the positions around it are made anew. */
const mostDigits = 300;

const expired = "(h.expires_at IS NOT NULL AND h.expires_at <= now())";
const expiry = (parameter: string) => `now() + ${parameter}::float8 * interval '1 millisecond'`;
const serverTime = "to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint)";
/** Never falls, though the clock may have been set back. */
const entryTime = `greatest(${serverTime} COLLATE "C", substr(h.operations, ${entryLength - timeLength + 1}, ${timeLength}))`;
const remembered = (entry: string) => `left(${entry} || ${entryTime} || h.operations, ${entryLength * mostRemembered})`;
const answered = (answer: string) => `rpad($3::text || ${answer}, ${entryLength - timeLength})`;
/**
 * The operation is remembered, or may have been: all that still is was done after $4, the server's time when a repeated one
 * was first sent, or earlier.
 */
const known = `(strpos(h.operations, $2::text) > 0 OR length(h.operations) = ${entryLength * mostRemembered}
    AND coalesce(right(h.operations, ${timeLength}) COLLATE "C" >= $4::text, false))`;

const size = "cardinality($6::text[])";
const unlessExpired = (value: string, otherwise: string) => `CASE WHEN ${expired} THEN ${otherwise} ELSE ${value} END`;

/** Where an append begins, less one. Far behind the last message only if that many were removed there, and no more. */
const farBehind = `h.next_position - h.last_position > ${mostUnused}`;
const beforeAppended = `CASE WHEN ${expired} THEN 0 WHEN ${farBehind} THEN floor(h.last_position) ELSE h.next_position - 1 END`;

/** Behind the point. */
const digits = "length(split_part(t.position::text, '.', 2))";

/** Lives of one key are in the order of time, and none comes twice, even when its head was purged in between. */
const newLife = "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

const columns =
  "key, life, version, length, first_position, last_position, next_position, operations, expires_at, written_at";
const newHead = (length: string, operations: string, expires: string) =>
  `(${columns}) VALUES ($1, ${newLife}, 1, ${length}, 1, ${length}, ${length} + 1, ${operations}, ${expires}, now())`;

/**
 * What a read says of the head beside what it looked for: version, whether it has expired, length, and more. In one column,
 * as it comes with every row.
 */
const headText = (...more: string[]) =>
  ["h.version", expired, "h.length", ...more].map((value) => `${value}::text`).join(" || ' ' || ");

const nextVersion = "version = h.version + 1, written_at = now()";

/** A conversation of nothing, in a new life. */
const emptied = `life = h.life + 1, length = 0, first_position = 1, last_position = 0, next_position = 1,
    cut_position = NULL, cut_version = 0, expires_at = NULL`;

export function statements({ sql: { heads, messages } }: Tables) {
  const ofLife = (relation: string) => `m.key = $1 AND m.life = ${relation}.life`;

  /** Position and payload at an index, counted from the nearer end. */
  const at = (index: string, columns: string) => `
    (SELECT ${columns} FROM ${messages} m
      WHERE ${ofLife("h")} AND m.position >= h.first_position AND ${index} >= 0 AND ${index} * 2 < h.length
      ORDER BY m.position OFFSET greatest(${index}, 0) LIMIT 1)
    UNION ALL
    (SELECT ${columns} FROM ${messages} m
      WHERE ${ofLife("h")} AND m.position <= h.last_position AND ${index} * 2 >= h.length AND ${index} < h.length
      ORDER BY m.position DESC OFFSET greatest(h.length - 1 - (${index}), 0) LIMIT 1)`;

  const neighbour = (side: "before" | "after", position: string) =>
    side === "before"
      ? `SELECT n.position FROM ${messages} n WHERE n.key = $1 AND n.life = h.life
      AND n.position < ${position} AND n.position >= h.first_position ORDER BY n.position DESC LIMIT 1`
      : `SELECT n.position FROM ${messages} n WHERE n.key = $1 AND n.life = h.life
      AND n.position > ${position} AND n.position <= h.last_position ORDER BY n.position LIMIT 1`;

  /** What every statement that reads first says of the head, beside what it looked for. */
  const state = `h.version, ${expired} AS ended, CASE WHEN ${known} THEN h.operations END AS operations, h.length`;
  /** The head of what has messages to be read, looked at once: without OFFSET it would be computed for each of them. */
  const readHead = (...more: string[]) => `(
  SELECT h.life, h.first_position, h.last_position, ${expired} AS ended, ${headText(...more)} AS text
  FROM ${heads} h WHERE h.key = $1 OFFSET 0
) h`;
  const ofReadHead = `${ofLife("h")} AND m.position >= h.first_position AND m.position <= h.last_position AND NOT h.ended`;

  /** The head is the one that was read, and the operation a new one. */
  const unchanged = "h.key = $1 AND h.version = t.version AND t.operations IS NULL AND NOT t.ended";
  const ends = (length: string) => `
      life = h.life + CASE WHEN ${length} = 0 THEN 1 ELSE 0 END,
      length = ${length},
      next_position = CASE WHEN ${length} = 0 THEN 1 ELSE h.next_position END,
      expires_at = CASE WHEN ${length} = 0 THEN NULL ELSE ${expiry("$5")} END`;

  /** Drops what removed messages are no longer asked for; the range that was looked at is not looked at again. */
  const forgetKept = `
    dropped AS (
      DELETE FROM ${messages} m USING target t, head
      WHERE m.key = $1 AND m.life = 0 AND m.position >= t.kept_from AND m.position <= t.version - ${keptVersions}
    )`;
  const keeps = `
      kept_from = greatest(h.kept_from, h.version - ${keptVersions} + 1),
      kept_until = h.version + 1`;

  /** The messages of lives that are over; what is kept for operations, in life 0, stays. */
  const forgetLives = `
    gone AS (
      DELETE FROM ${messages} m USING head WHERE m.key = head.key AND m.life > 0 AND m.life < head.life
    )`;

  return {
    /**
     * $1 key, $2 marker, $3 entry, $4 when it was first sent if it is repeated, $5 time to live, $6 payloads, $7 whether only
     * into an empty conversation. Writes as many rows as there are payloads, or none: the operation is known, or the
     * conversation is not empty.
     */
    append: `
WITH head AS (
  INSERT INTO ${heads} AS h ${newHead(size, `$3::text || ${serverTime}`, expiry("$5"))}
  ON CONFLICT (key) DO UPDATE SET
    ${nextVersion},
    life = h.life + ${unlessExpired("0", "1")},
    length = ${unlessExpired("h.length", "0")} + ${size},
    first_position = ${unlessExpired("h.first_position", "1")},
    last_position = ${beforeAppended} + ${size},
    next_position = ${beforeAppended} + ${size} + 1,
    cut_position = ${unlessExpired(
      `CASE WHEN ${farBehind} THEN least(h.cut_position, floor(h.last_position) + 1) ELSE h.cut_position END`,
      "NULL",
    )},
    cut_version = CASE WHEN ${farBehind} THEN h.version + 1 ELSE h.cut_version END,
    operations = ${remembered("$3::text")},
    expires_at = ${expiry("$5")}
  WHERE NOT ${known} AND (NOT $7::boolean OR h.length = 0 OR ${expired})
  RETURNING life, last_position
)
INSERT INTO ${messages} (key, life, position, payload)
SELECT $1, head.life, head.last_position - ${size} + added.number, added.payload
FROM head, unnest($6::text[]) WITH ORDINALITY AS added (payload, number)`,

    /** As `append`, without $7. */
    replace: `
WITH head AS (
  INSERT INTO ${heads} AS h ${newHead(size, `$3::text || ${serverTime}`, expiry("$5"))}
  ON CONFLICT (key) DO UPDATE SET
    ${nextVersion},
    life = h.life + 1,
    length = ${size},
    first_position = 1,
    last_position = ${size},
    next_position = ${size} + 1,
    cut_position = NULL,
    operations = ${remembered("$3::text")},
    expires_at = ${expiry("$5")}
  WHERE NOT ${known}
  RETURNING key, life
), ${forgetLives}
INSERT INTO ${messages} (key, life, position, payload)
SELECT $1, head.life, added.number, added.payload
FROM head, unnest($6::text[]) WITH ORDINALITY AS added (payload, number)`,

    /** $1 key, $2 marker, $3 entry, $4 as above. A row when it was done. */
    forget: `
WITH head AS (
  INSERT INTO ${heads} AS h ${newHead("0", `$3::text || ${serverTime}`, "NULL")}
  ON CONFLICT (key) DO UPDATE SET ${nextVersion}, ${emptied}, operations = ${remembered("$3::text")}
  WHERE NOT ${known}
  RETURNING key, life
), ${forgetLives}
SELECT 1 FROM head`,

    /** The same for an id that can't come back: nothing is remembered of a conversation that there is not. */
    forgetExisting: `
WITH head AS (
  UPDATE ${heads} h SET ${nextVersion}, ${emptied}, operations = ${remembered("$3::text")}
  WHERE h.key = $1 AND h.length > 0 AND NOT ${known}
  RETURNING key, life
), ${forgetLives}
SELECT 1 FROM head`,

    /**
     * As above; $3 entry without its answer, $6 index, absent for the last. Answers version, ended, operations, length, whether it was done, whether the message was found, and its payload.
     */
    remove: `
WITH target AS MATERIALIZED (
  SELECT ${state}, h.life, h.kept_from, m.position, m.payload,
    CASE WHEN m.position = h.first_position
      THEN (${neighbour("after", "m.position")}) ELSE h.first_position END AS first_position,
    CASE WHEN m.position = h.last_position
      THEN (${neighbour("before", "m.position")}) ELSE h.last_position END AS last_position
  FROM ${heads} h LEFT JOIN LATERAL (${at("coalesce($6::bigint, h.length - 1)", "m.position, m.payload")}) m ON true
  WHERE h.key = $1
), head AS (
  UPDATE ${heads} h SET
    ${nextVersion},
    ${ends("h.length - 1")},
    first_position = coalesce(t.first_position, 1),
    last_position = coalesce(t.last_position, 0),
    cut_position = CASE WHEN h.length = 1 THEN NULL ELSE h.cut_position END,
    ${keeps},
    operations = ${remembered(answered("'m' || (h.version + 1)"))}
  FROM target t
  WHERE ${unchanged} AND t.position IS NOT NULL
  RETURNING h.version
), kept AS (
  UPDATE ${messages} m SET life = 0, position = head.version FROM target t, head
  WHERE ${ofLife("t")} AND m.position = t.position
), ${forgetKept}
SELECT t.version, t.ended, t.operations, t.length, head.version IS NOT NULL, t.position IS NOT NULL, t.payload
FROM target t LEFT JOIN head ON true`,

    /** As `remove`, $7 the new payload. */
    edit: `
WITH target AS MATERIALIZED (
  SELECT ${state}, h.life, h.kept_from, m.position, m.payload
  FROM ${heads} h LEFT JOIN LATERAL (${at("$6::bigint", "m.position, m.payload")}) m ON true
  WHERE h.key = $1
), head AS (
  UPDATE ${heads} h SET
    ${nextVersion},
    expires_at = ${expiry("$5")},
    ${keeps},
    operations = ${remembered(answered("'m' || (h.version + 1)"))}
  FROM target t
  WHERE ${unchanged} AND t.position IS NOT NULL
  RETURNING h.version
), kept AS (
  UPDATE ${messages} m SET life = 0, position = head.version FROM target t, head
  WHERE ${ofLife("t")} AND m.position = t.position
  RETURNING m.key
), put AS (
  INSERT INTO ${messages} (key, life, position, payload)
  SELECT kept.key, t.life, t.position, $7 FROM kept, target t
), ${forgetKept}
SELECT t.version, t.ended, t.operations, t.length, head.version IS NOT NULL, t.position IS NOT NULL, t.payload
FROM target t LEFT JOIN head ON true`,

    /**
     * $3 entry, $6 index, $7 payload. Into a conversation that is not empty. Answers version, ended, operations, length,
     * whether it was done, whether the place was found, and the whole number before it when there is no room.
     */
    insert: `
WITH place AS MATERIALIZED (
  SELECT ${state}, h.life, h.first_position, h.last_position, h.next_position, a.position AS before,
    (${neighbour("after", "a.position")}) AS after
  FROM ${heads} h LEFT JOIN LATERAL (${at("($6::bigint - 1)", "m.position")}) a ON true
  WHERE h.key = $1
), target AS MATERIALIZED (
  SELECT *, CASE
      WHEN length = 0 OR $6::bigint > length THEN NULL
      WHEN $6::bigint = 0 THEN floor(first_position) - 1
      WHEN $6::bigint = length THEN next_position
      ELSE round((before + after) * 0.5, greatest(0, ceil(-log(after - before))::int + 1)) END AS position
  FROM place
), head AS (
  UPDATE ${heads} h SET
    ${nextVersion},
    length = h.length + 1,
    first_position = least(h.first_position, t.position),
    last_position = greatest(h.last_position, t.position),
    next_position = greatest(h.next_position, floor(t.position) + 1),
    expires_at = ${expiry("$5")},
    operations = ${remembered("$3::text")}
  FROM target t
  WHERE ${unchanged} AND t.position IS NOT NULL AND ${digits} <= ${mostDigits}
  RETURNING h.version
), put AS (
  INSERT INTO ${messages} (key, life, position, payload)
  SELECT $1, t.life, t.position, $7 FROM target t, head
)
SELECT t.version, t.ended, t.operations, t.length, head.version IS NOT NULL, t.position IS NOT NULL,
  CASE WHEN ${digits} > ${mostDigits} THEN floor(t.before)::text END
FROM target t LEFT JOIN head ON true`,

    /**
     * $1 key, $2 version, $3 a whole number: makes the positions between it and the next one anew, as short as they can be.
     * Cursors into them are told by `renumbered`.
     */
    renumber: `
WITH target AS MATERIALIZED (
  SELECT h.version, h.life, h.first_position, h.last_position,
    (SELECT count(*) FROM ${messages} m
      WHERE ${ofLife("h")} AND m.position > $3::numeric AND m.position < $3::numeric + 1) AS rows
  FROM ${heads} h WHERE h.key = $1 AND h.version = $2::bigint
), head AS (
  UPDATE ${heads} h SET
    version = h.version + 1,
    renumbered = h.renumbered + 1,
    first_position = CASE
      WHEN h.first_position > $3::numeric AND h.first_position < $3::numeric + 1
      THEN $3::numeric + round(1 / (t.rows + 1)::numeric, length(t.rows::text) + 1) ELSE h.first_position END,
    last_position = CASE
      WHEN h.last_position > $3::numeric AND h.last_position < $3::numeric + 1
      THEN $3::numeric + round(t.rows / (t.rows + 1)::numeric, length(t.rows::text) + 1) ELSE h.last_position END
  FROM target t WHERE h.key = $1 AND h.version = t.version
  RETURNING h.version
), taken AS (
  DELETE FROM ${messages} m USING target t, head
  WHERE ${ofLife("t")} AND m.position > $3::numeric AND m.position < $3::numeric + 1
  RETURNING m.life, m.position, m.payload
)
INSERT INTO ${messages} (key, life, position, payload)
SELECT $1, n.life, $3::numeric + round(n.number / (t.rows + 1)::numeric, length(t.rows::text) + 1), n.payload
FROM target t, (SELECT *, row_number() OVER (ORDER BY position) AS number FROM taken) n`,

    /** $6 how many to keep. Answers version, ended, operations, length, whether it was done, and whether the place was found. */
    trim: `
WITH target AS MATERIALIZED (
  SELECT ${state}, h.life, m.position
  FROM ${heads} h LEFT JOIN LATERAL (${at("(h.length - $6::bigint)", "m.position")}) m ON true
  WHERE h.key = $1
), head AS (
  UPDATE ${heads} h SET
    ${nextVersion},
    ${ends("$6::bigint")},
    first_position = coalesce(t.position, 1),
    last_position = CASE WHEN $6::bigint = 0 THEN 0 ELSE h.last_position END,
    cut_position = CASE WHEN $6::bigint = 0 THEN NULL ELSE h.cut_position END,
    operations = ${remembered(answered("(h.length - $6::bigint)"))}
  FROM target t
  WHERE ${unchanged} AND t.length > $6::bigint AND (t.position IS NOT NULL OR $6::bigint = 0)
  RETURNING h.version
), gone AS (
  DELETE FROM ${messages} m USING target t, head
  WHERE ${ofLife("t")} AND (m.position < t.position OR $6::bigint = 0)
)
SELECT t.version, t.ended, t.operations, t.length, head.version IS NOT NULL, t.position IS NOT NULL OR $6::bigint = 0
FROM target t LEFT JOIN head ON true`,

    /**
     * $1 key, $2 version, $3 entry, or nothing: makes it a fact that the conversation has expired, and remembers an
     * operation that changed nothing. Writes a row unless the head has changed.
     */
    settle: `
UPDATE ${heads} h SET
  version = h.version + 1,
  written_at = now(),
  life = h.life + ${unlessExpired("0", "1")},
  length = ${unlessExpired("h.length", "0")},
  first_position = ${unlessExpired("h.first_position", "1")},
  last_position = ${unlessExpired("h.last_position", "0")},
  next_position = ${unlessExpired("h.next_position", "1")},
  cut_position = ${unlessExpired("h.cut_position", "NULL")},
  operations = CASE WHEN $3::text IS NULL THEN h.operations ELSE ${remembered("$3::text")} END,
  expires_at = ${unlessExpired("h.expires_at", "NULL")}
WHERE h.key = $1 AND h.version = $2::bigint`,

    /** $1 key: a head of nothing, to remember operations in. */
    begin: `INSERT INTO ${heads} ${newHead("0", "''", "NULL")} ON CONFLICT (key) DO NOTHING`,

    /** The server's time, in milliseconds. */
    time: "SELECT extract(epoch FROM clock_timestamp()) * 1000",

    lock: `SELECT 1 FROM ${heads} WHERE key = $1 FOR UPDATE`,

    operations: `SELECT operations FROM ${heads} WHERE key = $1`,

    /** $1 key, $2 the version at which it was removed. */
    kept: `SELECT payload FROM ${messages} WHERE key = $1 AND life = 0 AND position = $2::numeric`,

    /** $1 key. Answers the head. */
    count: `SELECT ${headText()} FROM ${heads} h WHERE h.key = $1`,

    /** $1 key. Answers for each message the length and the payload, the oldest first; no row where there is none. */
    all: `
WITH head AS MATERIALIZED (SELECT * FROM ${heads} h WHERE h.key = $1 AND NOT ${expired})
SELECT (SELECT length FROM head), m.payload FROM ${messages} m
WHERE m.key = $1 AND m.life = (SELECT life FROM head) AND m.position >= (SELECT first_position FROM head)
  AND m.position <= (SELECT last_position FROM head)
ORDER BY m.position`,

    /** $1 key, $2 how many. Answers the head and a payload, the oldest first. */
    oldest: `
SELECT h.text, m.payload
FROM ${readHead()} LEFT JOIN LATERAL (
  SELECT m.position, m.payload FROM ${messages} m WHERE ${ofReadHead} ORDER BY m.position LIMIT $2::bigint
) m ON true
ORDER BY m.position`,

    /**
     * $1 key, $2 how many, $3 the position before which. Answers the head with life, renumbered, the version at which it was
     * cut and whether that was before the position; the position, if there are older ones; and a payload. The newest first.
     */
    page: `
SELECT h.text, CASE WHEN m.position > h.first_position THEN m.position END, m.payload
FROM ${readHead("h.life", "h.renumbered", "h.cut_version", "coalesce(h.cut_position <= $3::numeric, false)")}
LEFT JOIN LATERAL (
  SELECT m.position, m.payload FROM ${messages} m
  WHERE ${ofReadHead} AND ($3::numeric IS NULL OR m.position < $3::numeric)
  ORDER BY m.position DESC LIMIT $2::bigint
) m ON true
ORDER BY m.position DESC`,

    /** $1 after which key, $2 and $3 from and to which, $4 how many. */
    list: `
SELECT h.key FROM ${heads} h
WHERE h.key > $1 AND h.key >= $2 AND ($3::text IS NULL OR h.key < $3) AND h.length > 0 AND NOT ${expired}
ORDER BY h.key LIMIT $4::bigint`,

    /** $1 after which key: the last of the next some hundred. */
    span: `SELECT max(key) FROM (SELECT key FROM ${heads} WHERE key > $1 ORDER BY key LIMIT ${purgedAtOnce}) AS next`,

    // Each from $1 to $2, without those that are being written to.

    /** Ends what has expired; as many rows as there are. */
    purgeExpired: `
WITH due AS MATERIALIZED (
  SELECT h.key FROM ${heads} h
  WHERE h.key > $1 AND h.key <= $2 AND h.length > 0 AND ${expired} ORDER BY h.key FOR UPDATE SKIP LOCKED
), head AS (
  UPDATE ${heads} h SET ${nextVersion}, ${emptied} FROM due WHERE h.key = due.key
  RETURNING h.key, h.life
), ${forgetLives}
SELECT 1 FROM head`,

    /** Removes the heads of conversations that ended a while ago, and what was kept for their operations. */
    purgeEnded: `
WITH due AS MATERIALIZED (
  SELECT h.key FROM ${heads} h
  WHERE h.key > $1 AND h.key <= $2 AND h.length = 0 AND h.written_at <= now() - interval '1 day'
  ORDER BY h.key FOR UPDATE SKIP LOCKED
), gone AS (
  DELETE FROM ${messages} m USING due WHERE m.key = due.key
)
DELETE FROM ${heads} h USING due WHERE h.key = due.key`,

    /** Removes what was kept for operations of a while ago. */
    purgeKept: `
WITH due AS MATERIALIZED (
  SELECT h.key, h.life FROM ${heads} h
  WHERE h.key > $1 AND h.key <= $2 AND h.kept_from <= h.kept_until AND h.written_at <= now() - interval '1 day'
  ORDER BY h.key FOR UPDATE SKIP LOCKED
), gone AS (
  DELETE FROM ${messages} m USING due WHERE m.key = due.key AND m.life < due.life
)
UPDATE ${heads} h SET kept_from = h.kept_until + 1 FROM due WHERE h.key = due.key`,
  };
}
