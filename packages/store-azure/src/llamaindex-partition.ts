import { type Item, messageOf } from "./llamaindex-entity.js";
import type { Entity } from "./requests.js";
import { numberOf, rowKeyBetween, rowKeyOf } from "./row-keys.js";

// What the entities of a partition mean: see llamaindex-layout.ts for what the anchor holds.

export type PlacedItem = Item & { rowKey: string };

/** What a partition holds. */
export interface Partition {
  anchor: { rowKey: string; etag: string; entity: Entity };
  /** All entities, in order. */
  rows: readonly Entity[];
  items: readonly PlacedItem[];
}

export function markerOf({ anchor }: Partition): string | undefined {
  const { chatkeep } = anchor.entity;
  return typeof chatkeep === "string" && chatkeep !== noMarker ? chatkeep : undefined;
}

/** In place of the marker of what was deleted: a property can't be taken away. */
export const noMarker = "";

/** Nothing: its first write takes several transactions and is under way or was given up, or it was deleted. */
export function isBegun(partition: Partition): boolean {
  return partition.anchor.entity.chatkeepEnd === true && markerOf(partition) === undefined;
}

export function isLive(row: Entity, anchor: Entity): boolean {
  const { chatkeepPending, chatkeepFrom, chatkeepEnd } = anchor;
  if (chatkeepEnd === true) return false;
  if (typeof chatkeepFrom === "string" && String(row.rowKey) < chatkeepFrom) return false;
  return row === anchor || !chatkeepPending || row.chatkeepPending !== chatkeepPending;
}

export function itemOf(row: Entity): PlacedItem {
  return { rowKey: String(row.rowKey), properties: messageOf(row) };
}

/** Where messages go: what is there stays, but for the first, which is the anchor; what is new goes between or behind. */
export function place(items: readonly Item[], anchor: string): string[] {
  const placed: string[] = [];
  for (const [i, item] of items.entries()) {
    const before = placed.at(-1);
    if (before === undefined) placed.push(anchor);
    else if (item.rowKey !== undefined && item.rowKey !== anchor) placed.push(item.rowKey);
    else {
      const next = items.slice(i + 1).find(({ rowKey }) => rowKey !== undefined && rowKey !== anchor)?.rowKey;
      placed.push(next === undefined ? rowKeyOf(numberOf(before) + 1) : rowKeyBetween(before, next));
    }
  }
  return placed;
}
