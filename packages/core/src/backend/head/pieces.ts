/** A run of messages: those of `source` from `from` to before `to`. An empty source is the head's own incarnation. */
export type Piece = readonly [source: string, from: number, to: number];

/** Where a message is: `source` as in a piece. */
export interface Address {
  source: string;
  index: number;
}

// The history is an ordered list of pieces. These functions never change the list that they are given.

export function lengthOf(piece: Piece | undefined): number {
  return piece === undefined ? 0 : piece[2] - piece[1];
}

export function countOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, piece) => sum + lengthOf(piece), 0);
}

/** The part of a history from position `start` to before `end`. */
export function slice(pieces: readonly Piece[], start: number, end: number): Piece[] {
  const part: Piece[] = [];
  let position = 0;
  for (const [source, from, to] of pieces) {
    const first = from + Math.max(0, start - position);
    const last = Math.min(to, from + end - position);
    if (first < last) part.push([source, first, last]);
    position += to - from;
  }
  return part;
}

/** Histories one behind the other; what is contiguous becomes one piece. */
export function concat(...parts: readonly (readonly Piece[])[]): Piece[] {
  const joined: Piece[] = [];
  for (const piece of parts.flat()) {
    const last = joined.at(-1);
    if (piece[1] === piece[2]) continue;
    if (last !== undefined && last[0] === piece[0] && last[2] === piece[1]) {
      joined[joined.length - 1] = [last[0], last[1], piece[2]];
    } else joined.push(piece);
  }
  return joined;
}

/** The history with `removed` messages from `position` on replaced by `inserted`. */
export function splice(
  pieces: readonly Piece[],
  position: number,
  removed: number,
  inserted: readonly Piece[],
): Piece[] {
  const end = Number.POSITIVE_INFINITY;
  return concat(slice(pieces, 0, position), inserted, slice(pieces, position + removed, end));
}

export function addressAt(pieces: readonly Piece[], position: number): Address | undefined {
  const [piece] = slice(pieces, position, position + 1);
  return piece && { source: piece[0], index: piece[1] };
}

/** The position of a message in the history; undefined when it is not there. */
export function positionOf(pieces: readonly Piece[], { source, index }: Address): number | undefined {
  let position = 0;
  for (const [pieceSource, from, to] of pieces) {
    if (pieceSource === source && from <= index && index < to) return position + index - from;
    position += to - from;
  }
  return undefined;
}

export function pieceAt({ source, index }: Address): Piece {
  return [source, index, index + 1];
}

export function addressesOf(pieces: readonly Piece[]): Address[] {
  return pieces.flatMap(([source, from, to]) =>
    Array.from({ length: to - from }, (_, i) => ({ source, index: from + i })),
  );
}

/** A history in which messages of some pieces are named by others instead, one by one and in the same order. */
export function renamed(pieces: readonly Piece[], from: readonly Piece[], [source, first]: Piece): Piece[] {
  let to = first;
  const names = from.map(([of, start, end]) => {
    const name = { of, start, end, to };
    to += end - start;
    return name;
  });
  return concat(
    pieces.flatMap(([of, start, end]) => {
      const parts: Piece[] = [];
      let at = start;
      const known = names.filter((name) => name.of === of && name.start < end && start < name.end);
      for (const name of known.sort((a, b) => a.start - b.start)) {
        const [low, high] = [Math.max(start, name.start), Math.min(end, name.end)];
        parts.push([of, at, low], [source, name.to + low - name.start, name.to + high - name.start]);
        at = high;
      }
      return [...parts, [of, at, end] as const];
    }),
  );
}
