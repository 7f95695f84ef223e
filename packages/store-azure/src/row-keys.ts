// Python's RowKeys are positions of ten digits. It can't insert; between two of them there is room for texts that sort there.

const digits = 10;
/** In the order in which the services sort them. */
const signs = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

export function rowKeyOf(index: number): string {
  return String(index).padStart(digits, "0");
}

/** The position in a RowKey, or before it. */
export function numberOf(rowKey: string): number {
  return Number.parseInt(rowKey.slice(0, digits), 10) || 0;
}

/** A RowKey above one and below another, of which neither ends with the lowest sign behind its digits. */
export function rowKeyBetween(low: string, high: string): string {
  if (numberOf(high) - numberOf(low) > 1) return rowKeyOf(numberOf(low) + 1);
  const lowSigns = signsOf(low);
  const highSigns = numberOf(low) === numberOf(high) ? signsOf(high) : "";
  return `${rowKeyOf(numberOf(low))}-${between(lowSigns, highSigns)}`;
}

function signsOf(rowKey: string): string {
  return rowKey.slice(digits + 1);
}

/** `""` is the lowest as a lower bound, and above everything as an upper one. */
function between(low: string, high: string): string {
  let text = "";
  for (let i = 0; ; i++) {
    const from = i < low.length ? signs.indexOf(low.charAt(i)) : 0;
    const to =
      i < high.length ? signs.indexOf(high.charAt(i)) : high === "" || text !== high.slice(0, i) ? signs.length : 0;
    if (to - from > 1) return `${text}${signs.charAt(Math.floor((from + to) / 2))}`;
    text += signs.charAt(from);
  }
}
