/** Requests of one operation under way at the same time. */
const parallel = 8;

/** Runs a task for each, some at a time; rejects with the first failure, when none is under way any more. */
export async function inParallel<T>(list: readonly T[], task: (each: T) => Promise<void>): Promise<void> {
  const queue = list.values();
  let failed = false;
  const worker = async () => {
    for (const each of queue) {
      if (failed) return;
      try {
        await task(each);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: Math.min(parallel, list.length) }, worker));
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/** What a list of writes is cut into, so that each part fits one request. */
export interface BatchLimits {
  count: number;
  bytes: number;
}

/** Cuts a list into batches, in order, each within the limits; one that is too large alone is a batch of its own. */
export function batches<T>(list: readonly T[], limits: BatchLimits, bytesOf: (each: T) => number): T[][] {
  const all: T[][] = [];
  let batch: T[] = [];
  let size = 0;
  for (const each of list) {
    const bytes = bytesOf(each);
    if (batch.length === limits.count || (batch.length > 0 && size + bytes > limits.bytes)) {
      all.push(batch);
      batch = [];
      size = 0;
    }
    batch.push(each);
    size += bytes;
  }
  if (batch.length > 0) all.push(batch);
  return all;
}
