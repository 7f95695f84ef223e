/** CRC-8 with the polynomial x^8 + x^2 + x + 1, not reflected, starting at 0: PlainBuffer's checksum. */
const TABLE = Uint8Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 0x80) === 0 ? crc << 1 : (crc << 1) ^ 0x07;
  return crc & 0xff;
});

export function crc8(crc: number, bytes: Uint8Array): number {
  let result = crc;
  for (const byte of bytes) result = TABLE[result ^ byte] as number;
  return result;
}

export function crc8OfByte(crc: number, byte: number): number {
  return TABLE[crc ^ byte] as number;
}
