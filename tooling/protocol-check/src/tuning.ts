import type { Tuning } from "@chatkeep/chat-store-core/backend";

const hour = 60 * 60 * 1000;

/** The numbers of the protocol as they are by default, written down once more: a change of them is to be noticed here. */
export const usualTuning: Tuning = {
  rememberedOperations: 33,
  tailEntries: 8,
  manyPieces: 48,
  tooManyPieces: 160,
  piecesCopied: 16,
  messagesCopied: 200,
  rowsErased: 500,
  keepEndedMs: 24 * hour,
  keepStagedMs: hour,
};
