/** What subscribers of the tracing channel `chatkeep:operation` are given. Never content, and no answer. */
export interface OperationTrace {
  /** The backend's name, as in "redis". */
  readonly backend: string;
  /** The method of ChatStore. */
  readonly operation: string;
  /** The conversation; absent for listings. */
  readonly key?: string | undefined;
  /** How many messages the call writes; absent for reads. */
  readonly messages?: number | undefined;
  /** How often it was sent so far. */
  attempts: number;
}

interface TracingChannel {
  readonly hasSubscribers: boolean;
  tracePromise(run: () => Promise<void>, context: OperationTrace): Promise<void>;
}

interface Builtins {
  getBuiltinModule?: ((name: string) => { tracingChannel?: (name: string) => TracingChannel } | undefined) | undefined;
}

/** Undefined where there is no Node: nothing is imported, so that the package bundles for every runtime. */
const channel = (globalThis as { process?: Builtins }).process
  ?.getBuiltinModule?.("node:diagnostics_channel")
  ?.tracingChannel?.("chatkeep:operation");

/** Runs an operation within the tracing channel, when anybody listens. */
export function traced<T>(context: OperationTrace, run: () => Promise<T>): Promise<T> {
  return channel?.hasSubscribers === true ? runTraced(channel, context, run) : run();
}

async function runTraced<T>(channel: TracingChannel, context: OperationTrace, run: () => Promise<T>): Promise<T> {
  let answer: T | undefined;
  // The channel hands what the promise resolves to on to its subscribers, and that would be the messages.
  await channel.tracePromise(async () => {
    answer = await run();
  }, context);
  return answer as T;
}
