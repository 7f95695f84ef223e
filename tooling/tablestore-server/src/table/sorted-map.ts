import type { OrderedKey } from "./key.js";

/** A map that can be walked in the order of its keys, from either end. */
export class SortedMap<T> {
  private readonly values = new Map<OrderedKey, T>();
  private readonly keys: OrderedKey[] = [];

  get(key: OrderedKey): T | undefined {
    return this.values.get(key);
  }

  set(key: OrderedKey, value: T): void {
    if (!this.values.has(key)) this.keys.splice(this.position(key), 0, key);
    this.values.set(key, value);
  }

  delete(key: OrderedKey): void {
    if (this.values.delete(key)) this.keys.splice(this.position(key), 1);
  }

  /** From `start` on, which is included, towards larger or smaller keys. The map must not change meanwhile. */
  *walk(start: OrderedKey, backward: boolean): Generator<[OrderedKey, T]> {
    let index = this.position(start);
    if (backward && this.keys[index] !== start) index -= 1;
    for (; ; index += backward ? -1 : 1) {
      const key = this.keys[index];
      if (key === undefined) return;
      yield [key, this.values.get(key) as T];
    }
  }

  /** Of the first key that is not before this one. */
  private position(key: OrderedKey): number {
    let [low, high] = [0, this.keys.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.keys[middle] as OrderedKey) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
