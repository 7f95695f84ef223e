import type { ChatStore } from "@chatkeep/chat-store-core";
import type { Ability, Level, Space, Subject } from "./subject.js";

/** A space with a client, and another on the same data: the same one, where the store declares that there can be only one. */
export interface Place {
  space: Space;
  store: ChatStore;
  other: ChatStore;
}

/** What a case is given. */
export interface CaseContext extends Place {
  subject: Subject;
  level: Level;
  /** A key that no other case uses, and more of them. */
  key: string;
  newKey(): string;
  /** A client with options, closed after the case. */
  connect(options?: { ttlSeconds?: number }): Promise<ChatStore>;
  /** A place with no conversations and clients on it, gone after the case. */
  newSpace(): Promise<Place>;
  /** Lets time pass: in no time, where the space can. */
  passTime(milliseconds: number): Promise<void>;
}

export type Run = (context: CaseContext) => Promise<void>;

/** Defines a case of a group, perhaps one that takes abilities. */
export interface DefineCase {
  (title: string, run: Run): void;
  (title: string, options: { needs: Ability | readonly Ability[] }, run: Run): void;
}

export type Group = (it: DefineCase, context: { subject: Subject; level: Level }) => void;
