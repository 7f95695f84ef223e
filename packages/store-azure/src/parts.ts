import { chatStoreError } from "@chatkeep/chat-store-core/backend";

// Text as Binary properties: they are counted by their bytes, where text counts two for each character, and no service or
// emulator can misread them. "Understanding the Table service data model": 64 KiB a property, 1 MiB an entity.

const partBytes = 60 * 1024;
const entityBytes = 1024 * 1024;
/** For keys, names and everything else in an entity. */
const otherBytes = 64 * 1024;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const partName = (index: number) => `Body${index}`;

/** An entity's text, as its properties `Body0`, `Body1`, … Buffers, since of another view the SDK sends all that lies behind. */
export function toParts(text: string): Record<string, Buffer> {
  const bytes = Buffer.from(text);
  if (bytes.length > entityBytes - otherBytes) {
    throw chatStoreError("MESSAGE_TOO_LARGE", `An entity would be larger than the 1 MiB that the service holds.`);
  }
  const parts: Record<string, Buffer> = {};
  for (let at = 0, index = 0; at < bytes.length || index === 0; at += partBytes, index++) {
    parts[partName(index)] = bytes.subarray(at, at + partBytes);
  }
  return parts;
}

/** Undefined when the entity has no text, or not a whole one. */
export function fromParts(entity: Readonly<Record<string, unknown>>): string | undefined {
  const parts: Uint8Array[] = [];
  for (;;) {
    const part = entity[partName(parts.length)];
    if (!(part instanceof Uint8Array)) break;
    parts.push(part);
  }
  return parts.length === 0 ? undefined : toText(Buffer.concat(parts));
}

/** Of one Binary property. */
export function toText(bytes: unknown): string | undefined {
  if (!(bytes instanceof Uint8Array)) return undefined;
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
