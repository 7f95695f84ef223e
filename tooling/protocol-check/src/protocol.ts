import type { Call } from "@chatkeep/chat-store-conformance";
import type { Driver, ReadContext } from "@chatkeep/chat-store-core/backend";
import type { Chooser } from "./choices.js";
import type { Program } from "./program.js";
import type { Send, Stored, World } from "./world.js";

/** What a client has in its hands. */
export interface CheckedDriver extends Driver {
  purge(context: ReadContext, options?: { thorough?: boolean }): Promise<unknown>;
  /** When all is done that goes on behind its callers' backs. */
  settled?(): Promise<void>;
}

interface Connection<S extends Stored> {
  send: Send<S>;
  now: () => number;
  service: S;
}

/** What is checked: a driver, over a service in memory. */
export interface Protocol<P extends Program, S extends Stored> {
  /** A service with nothing in it. */
  service(program: P): S;
  driver(program: P, connection: Connection<S>): CheckedDriver;
  /** A message's payload, for the value that names it in histories, and back; the value itself when absent. */
  toPayload?(value: string): string;
  toValue?(payload: string): string;
  /** A history that the other program wrote, before any of our clients came. */
  seed?(service: S, key: string, values: readonly string[]): void;
  /** Calls as they are to be judged: without what is no promise of the layout. */
  judged?(calls: readonly Call[], service: S): readonly Call[];
  /** Looked at when everybody has come to an end, and somebody has read everything; answers what is wrong. */
  end?(ending: Ending<P, S>): Promise<string[]>;
  random(chooser: Chooser): P;
  small: Readonly<Record<string, P>>;
}

export type AnyProtocol = Protocol<Program, Stored>;

export interface Ending<P extends Program, S extends Stored> {
  program: P;
  world: World<S>;
  keys: ReadonlySet<string>;
  /** What one new client does while nobody else does anything. */
  alone(name: string, work: (driver: CheckedDriver) => Promise<void>): Promise<void>;
  /** Its calls are part of the history. */
  act(driver: CheckedDriver, name: string, key: string, action: Call["action"]): Promise<Call>;
  readEverything(driver: CheckedDriver, name: string): Promise<void>;
}
