/** The numbers of the protocol. What is right does not depend on them, but for `keepEndedMs`; what it costs does. */
export interface Tuning {
  /** Mutations of which the last are remembered with their ids. 33: a repeat within 32 later ones is known. */
  rememberedOperations: number;
  /** The most messages in a head whose rows need not be there yet. */
  tailEntries: number;
  /** Pieces beyond which the list is made shorter behind the caller's back, and beyond which a mutation waits for that. */
  manyPieces: number;
  tooManyPieces: number;
  /** The most pieces, and the most messages, that one call copies in order to make the list shorter. */
  piecesCopied: number;
  messagesCopied: number;
  /** Rows that one mutation removes at most of those that it made dead; `purge` removes the rest. */
  rowsErased: number;
  /** How long the head of a conversation that has ended is kept, in milliseconds: longer than any request can be on its way. */
  keepEndedMs: number;
  /** Staged rows younger than this, in milliseconds, are left alone: a collection makes a writer begin again otherwise. */
  keepStagedMs: number;
}

export const defaultTuning: Tuning = {
  rememberedOperations: 33,
  tailEntries: 8,
  manyPieces: 48,
  tooManyPieces: 160,
  piecesCopied: 16,
  messagesCopied: 200,
  rowsErased: 500,
  keepEndedMs: 24 * 60 * 60 * 1000,
  keepStagedMs: 60 * 60 * 1000,
};
