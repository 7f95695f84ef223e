/** Messages of which no two fit one request. */
export function largeMessages(count: number) {
  return Array.from({ length: count }, (_, i) => ({
    role: "user" as const,
    content: `large ${i} `.padEnd(2_400_000, "x"),
  }));
}
