/**
 * Values by text, bounded by entries and by the characters of the keys: at most twice `maxEntries` and `maxChars` are held.
 * Two generations: a full one becomes the old one and the one before it is dropped; what is read meanwhile moves on.
 */
export class TokenCache<V> {
  readonly #maxEntries: number;
  readonly #maxChars: number;
  #recent = new Map<string, V>();
  #old = new Map<string, V>();
  #chars = 0;

  constructor(maxEntries: number, maxChars: number) {
    this.#maxEntries = maxEntries;
    this.#maxChars = maxChars;
  }

  get(text: string): V | undefined {
    const recent = this.#recent.get(text);
    if (recent !== undefined) return recent;
    const old = this.#old.get(text);
    if (old !== undefined) this.set(text, old);
    return old;
  }

  /** Keeps nothing for a text longer than `maxChars`. */
  set(text: string, value: V): void {
    if (text.length > this.#maxChars) return;
    if (this.#recent.size >= this.#maxEntries || this.#chars + text.length > this.#maxChars) {
      this.#old = this.#recent;
      this.#recent = new Map();
      this.#chars = 0;
    }
    // A copy: engines let a substring keep the whole text alive that it was cut from, which no bound here would see.
    this.#recent.set(` ${text}`.slice(1), value);
    this.#chars += text.length;
  }
}
