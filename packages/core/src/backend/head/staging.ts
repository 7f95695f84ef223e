import type { Payload } from "../../messages/codec.js";
import type { ReadContext } from "../driver.js";
import { newOperationId } from "../operation.js";
import type { Head } from "./head.js";
import type { Piece } from "./pieces.js";
import type { HeadPort } from "./port.js";
import { rowsOf } from "./rows.js";

/** Rows written where no head names them yet. */
export interface Staged {
  /** The head that they were staged for. */
  incarnation: string;
  /** Rises with time; below a head's watermark the rows may have been collected. */
  number: number;
  piece: Piece;
}

export async function stage(
  port: HeadPort,
  key: string,
  head: Head,
  payloads: readonly Payload[],
  context: ReadContext,
): Promise<Staged> {
  const number = Math.max(head.watermark, Math.floor(port.now()));
  const { rowBytes } = port.limits;
  const unique = newOperationId().slice(-8);
  const source = `b${number.toString(36).padStart(9, "0")}${unique}`;
  const rows = payloads.flatMap((payload, index) => rowsOf(source, index, payload, rowBytes));
  await port.putRows(key, rows, context);
  return { incarnation: head.incarnation, number, piece: [source, 0, payloads.length] };
}

/** Whether what was staged is surely still there for this head to name. */
export function mayShow(staged: Staged, head: Head): boolean {
  return staged.incarnation === head.incarnation && staged.number >= head.watermark;
}

/** The number of a staged set by its source; undefined for another source of rows. */
export function stageNumber(source: string): number | undefined {
  return source.startsWith("b") ? Number.parseInt(source.slice(1, 10), 36) : undefined;
}

/** Sorts behind the sources of all staged sets and of earlier incarnations: the last rows of a conversation are the newest. */
export function newIncarnation(): string {
  return `m${newOperationId().slice(0, 12)}`;
}
