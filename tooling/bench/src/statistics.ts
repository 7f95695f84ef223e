/** What samples of one kind come to. */
export interface Summary {
  readonly median: number;
  readonly p95: number;
  readonly samples: number;
}

/** The value below which a share of the samples lies, between two of them in proportion. */
export function quantile(samples: readonly number[], share: number): number {
  if (samples.length === 0) throw new RangeError("there are no samples");
  const sorted = [...samples].sort((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] ?? 0;
  const above = sorted[Math.ceil(place)] ?? 0;
  return below + (above - below) * (place - Math.floor(place));
}

export function summarize(samples: readonly number[]): Summary {
  return { median: quantile(samples, 0.5), p95: quantile(samples, 0.95), samples: samples.length };
}
