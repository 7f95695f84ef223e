import type { ChatStore } from "@chatkeep/chat-store-core";

/** What a store may lack. Whatever it doesn't declare as lacking, it must have. */
export const abilities = {
  operationIds: "an operation repeated with its operationId is applied once",
  ttl: "conversations expire",
  anyKey: "any key of 1 to 512 UTF-8 bytes",
  largeMessages: "messages up to 1 MiB",
  largeHistories: "histories of thousands of messages",
  extraMembers: "ids, unknown blocks and unknown members are kept",
  stableCursors: "cursors stay right while others write",
  constantCost: "append, newest page, pop and count cost the same at any length",
  requestCount: "requests are counted",
  secondClient: "several clients on the same data",
  opaqueJson: "`JSON.stringify` of a store shows no content",
  injectedClient: "a client of the SDK may be handed in",
} as const;

/** The name of an ability. */
export type Ability = keyof typeof abilities;

/** An operation whose requests a subject may limit. */
export type CountedOperation =
  | "addMessage"
  | "addMessages"
  | "getPage"
  | "deleteLastMessage"
  | "countMessages"
  | "deleteMessage"
  | "replaceMessage"
  | "deleteMessages";

/** A place with no conversations, which no other test uses. */
export interface Space {
  /** A client on this place's data, with the options given; each call makes a new one, and each is closed by the kit. */
  connect(options?: { ttlSeconds?: number }): Promise<ChatStore>;
  /** Requests that all clients of this place have sent so far. */
  requests?: (() => number) | undefined;
  /** Settles when nothing goes on behind the callers' backs any more: where requests follow an answer, they are counted too. */
  settled?: (() => Promise<void>) | undefined;
  /** Makes time pass for the store, where it can be injected; otherwise the kit waits. */
  advanceTime?: ((milliseconds: number) => Promise<void>) | undefined;
  /** Removes the data and whatever else was made for it. */
  dispose(): Promise<void>;
}

/** A store that is to be tested. */
export interface Subject {
  /** The store and its layout, as in "RedisChatStore, layout chatkeep". */
  name: string;
  /** Makes a new, empty place. */
  space(): Promise<Space>;
  /** What the store lacks, and why. Each is listed as a gap in the output; a gap that is not declared fails. */
  lacks?: Partial<Record<Ability, string>> | undefined;
  /** The shortest time to live that the store keeps exactly, in seconds: by default 1. */
  ttlGranularitySeconds?: number | undefined;
  /** The largest message in bytes of its text: by default 1 MiB, the least that a store must hold. */
  largestMessageBytes?: number | undefined;
  /** The most requests that an operation may take when the client has used the conversation before, with those that follow. */
  requests?: Partial<Record<CountedOperation, number>> | undefined;
  /** Credentials and addresses that must appear in no error, and in no JSON or inspection of a store. */
  secrets?: readonly string[] | undefined;
  /** A store on a client that the caller made, and how to tell whether that client still works. */
  injected?:
    | ((space: Space) => Promise<{ store: ChatStore; clientWorks(): Promise<boolean>; closeClient(): Promise<void> }>)
    | undefined;
}

/** `quick` takes under a minute and a half; `full` goes to the ends of sizes and sweeps. */
export type Level = "quick" | "full";
