/** What went wrong, for programs. */
export type ChatStoreErrorCode =
  | "INVALID_KEY"
  | "INVALID_MESSAGE"
  | "INVALID_ARGUMENT"
  | "INDEX_OUT_OF_RANGE"
  | "MESSAGE_TOO_LARGE"
  | "CORRUPT_MESSAGE"
  | "CONFLICT"
  | "UNAVAILABLE"
  | "MISCONFIGURED"
  | "UNSUPPORTED"
  | "ABORTED"
  | "CLOSED";

/** Of a failed write: known not to have happened, or unknown. */
export type WriteOutcome = "not-applied" | "unknown";

/**
 * The one error that a store throws. Recognise it with {@link isChatStoreError}, never with `instanceof`: two copies of
 * this package (ESM beside CommonJS, say) have two classes.
 *
 * Its text never holds message content, credentials or connection strings, and no error of an SDK hangs on it, since
 * those do.
 */
export interface ChatStoreError extends Error {
  readonly code: ChatStoreErrorCode;
  /** Of a failed write. Undefined for reads and for bad arguments, which were refused before anything was sent. */
  readonly outcome?: WriteOutcome | undefined;
  /** The conversation it is about. */
  readonly key?: string | undefined;
}

/** What an error tells besides its code and text. */
export interface ChatStoreErrorDetails {
  outcome?: WriteOutcome | undefined;
  key?: string | undefined;
}

const brand = Symbol.for("chatkeep.ChatStoreError");

class StoreError extends Error implements ChatStoreError {
  readonly code: ChatStoreErrorCode;
  // Only declared, so that they are absent where they say nothing.
  declare readonly outcome?: WriteOutcome | undefined;
  declare readonly key?: string | undefined;

  constructor(code: ChatStoreErrorCode, message: string, details: ChatStoreErrorDetails) {
    super(message);
    this.code = code;
    if (details.outcome !== undefined) this.outcome = details.outcome;
    if (details.key !== undefined) this.key = details.key;
  }

  toJSON(): Record<string, unknown> {
    return { name: this.name, code: this.code, message: this.message, outcome: this.outcome, key: this.key };
  }
}
// The class's own name is what Node prints, and what a minifier changes.
Object.defineProperty(StoreError, "name", { value: "ChatStoreError" });
Object.defineProperty(StoreError.prototype, "name", { value: "ChatStoreError" });
Object.defineProperty(StoreError.prototype, brand, { value: true });

/**
 * Makes a {@link ChatStoreError}. For authors of stores: say what is wrong and what to do about it, and put nothing into
 * `message` that came from a message, a credential or a connection string.
 */
export function chatStoreError(
  code: ChatStoreErrorCode,
  message: string,
  details: ChatStoreErrorDetails = {},
): ChatStoreError {
  const error = new StoreError(code, message, details);
  Error.captureStackTrace?.(error, chatStoreError);
  return error;
}

/** Whether `error` came from a chat store, from this copy of the package or another; with `code`, whether it is that one. */
export function isChatStoreError<Code extends ChatStoreErrorCode = ChatStoreErrorCode>(
  error: unknown,
  code?: Code,
): error is ChatStoreError & { readonly code: Code } {
  if (typeof error !== "object" || error === null || !(brand in error)) return false;
  return code === undefined || ("code" in error && error.code === code);
}
