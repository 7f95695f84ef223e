// Names in Redis. A key comes from an end user and holds anything; what stands in a name is this encoding of it.

const plain = /^[A-Za-z0-9._-]$/;
const encoder = new TextEncoder();

/** Injective: letters, digits and `._-` stay, any other byte of its UTF-8 is `~` and two hexadecimal digits. */
export function encodeName(text: string): string {
  if (/^[A-Za-z0-9._-]*$/.test(text)) return text;
  let encoded = "";
  for (const byte of encoder.encode(text)) {
    const character = String.fromCharCode(byte);
    encoded += plain.test(character) ? character : `~${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}

/** Escapes what a pattern of Redis would take for a wildcard. */
export function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\]/g, "\\$&");
}

/** CRC-16/XMODEM, by which Redis Cluster spreads keys (cluster specification, "Key distribution model"). */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}

function hash(text: string): number {
  return crc16(encoder.encode(text));
}

/** The part of a key between its first `{` and the `}` after it, when there is one and it isn't empty. */
function tagOf(key: string): string | undefined {
  return /^[^{]*\{([^}]+)\}/.exec(key)?.[1];
}

/** Where a Cluster has a key. */
export function slotOf(key: string): number {
  return hash(tagOf(key) ?? key) % 16_384;
}

/** Something in braces that puts a name in the slot of a key: its own tag, itself, or a number that was found by trying. */
export function tagLike(key: string): string {
  const tag = tagOf(key) ?? (key.includes("}") ? undefined : key);
  if (tag !== undefined) return `{${tag}}`;
  const slot = slotOf(key);
  for (let number = 0; ; number++) if (hash(`${number}`) % 16_384 === slot) return `{${number}}`;
}

/** One of `shards`, the same for the same key everywhere. */
export function shardOf(key: string, shards: number): number {
  return hash(key) % shards;
}
