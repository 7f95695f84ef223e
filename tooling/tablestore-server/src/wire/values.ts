/**
 * What a cell can hold. Strings are kept as the bytes of their UTF-8: that is how the service measures and orders them.
 * The three marks stand only in the primary keys of requests.
 */
export type Value =
  | { readonly type: "integer"; readonly value: bigint }
  | { readonly type: "double"; readonly value: number }
  | { readonly type: "boolean"; readonly value: boolean }
  | { readonly type: "string"; readonly value: Buffer }
  | { readonly type: "binary"; readonly value: Buffer };

type KeyMark = { readonly type: "min" } | { readonly type: "max" } | { readonly type: "auto-increment" };

export type KeyValue = Value | KeyMark;

/** As the service counts it for limits and capacity units: 8 for numbers, 1 for booleans, the bytes of anything else. */
export function sizeOf(value: KeyValue): number {
  switch (value.type) {
    case "integer":
    case "double":
      return 8;
    case "boolean":
      return 1;
    case "string":
    case "binary":
      return value.value.length;
    default:
      return 0;
  }
}

/** Negative, 0 or positive; undefined for values of different types, which have no order. */
export function compareValues(a: Value, b: Value): number | undefined {
  if (a.type === "string" || a.type === "binary")
    return a.type === b.type ? Buffer.compare(a.value, b.value) : undefined;
  if (a.type !== b.type) return undefined;
  if (a.value === b.value) return 0;
  return a.value < b.value ? -1 : 1;
}
