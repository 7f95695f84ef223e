import type { RowAddress } from "./port.js";

const indexDigits = 15;
const partDigits = 4;
/** No part of a message is behind it. */
export const lastPart = 10 ** partDigits - 1;

/**
 * An address as one text, for services that keep rows by it: `source~index~part`, which sorts as its three parts do. It
 * has letters, digits, `-`, `_` and `~` only, and 45 characters at most; `~` alone is behind all of them.
 */
export function rowIdOf({ source, index, part }: RowAddress): string {
  return `${source}~${String(index).padStart(indexDigits, "0")}~${String(part).padStart(partDigits, "0")}`;
}

/** Undefined for what is no row's id. */
export function parseRowId(id: string | undefined): RowAddress | undefined {
  const [, source, index, part] = /^([\w-]+)~(\d{15})~(\d{4})$/.exec(id ?? "") ?? [];
  if (source === undefined) return undefined;
  return { source, index: Number(index), part: Number(part) };
}

/** Each address once: services refuse batches that name one twice. */
export function distinctRows<Address extends RowAddress>(addresses: readonly Address[]): Address[] {
  return [...new Map(addresses.map((address) => [rowIdOf(address), address])).values()];
}
