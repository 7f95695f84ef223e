import type { RowAddress } from "@chatkeep/chat-store-core/backend";

// RowKeys have fixed widths, so that a range of messages is one query, and count down: the head is the first of its
// partition, and the newest row the next, since Table Storage lists upwards only. That saves a request, and nothing else
// depends on an order: Cosmos has none.

export const headRow = "0";
const mostIndex = 10 ** 15 - 1;
const indexDigits = 15;
const partDigits = 4;
/** Staged sets have a time in their names, of so many digits in base 36. */
const timeDigits = 9;
const mostTime = 36 ** timeDigits - 1;

export function rowIdOf({ source, index, part }: RowAddress): string {
  const countdown = String(mostIndex - index).padStart(indexDigits, "0");
  return `${sourceName(source)}~${countdown}~${String(part).padStart(partDigits, "0")}`;
}

/** Sources of single messages first, then copies, and then staged sets, the newest first. */
export function sourceName(source: string): string {
  if (source.startsWith("m")) return `1${source}`;
  if (!source.startsWith("b")) return `2${source}`;
  const time = Number.parseInt(source.slice(1, 1 + timeDigits), 36);
  return `3${(mostTime - time).toString(36).padStart(timeDigits, "0")}${source}`;
}

/** Undefined for what is no row of a message. */
export function parseRowId(id: unknown): RowAddress | undefined {
  const [, source, countdown, part] = /^(?:[12]|3[0-9a-z]{9})([mbc][\w-]+)~(\d{15})~(\d{4})$/.exec(String(id)) ?? [];
  if (source === undefined) return undefined;
  return { source, index: mostIndex - Number(countdown), part: Number(part) };
}
