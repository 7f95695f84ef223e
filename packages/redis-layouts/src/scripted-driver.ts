import {
  batches,
  chatStoreError,
  type Driver,
  type DriverKeys,
  type DriverPage,
  FirstSends,
  MaybeForgotten,
  type Operation,
  type Payload,
  type ReadContext,
  RecentMap,
  utf8Length,
  type WriteContext,
} from "@chatkeep/chat-store-core/backend";
import { mostAtOnce, time } from "./lua.js";
import { encodeName } from "./names.js";
import type { Script, ScriptPort } from "./script-port.js";

export interface LayoutOptions {
  /** In milliseconds; never when absent. */
  ttlMs?: number | undefined;
}

/** The scripts of a layout; what each takes is written at it. */
export type LayoutScripts = Readonly<
  Record<
    | "append"
    | "appendStaged"
    | "replace"
    | "replaceStaged"
    | "insert"
    | "edit"
    | "remove"
    | "pop"
    | "forget"
    | "trim"
    | "stage"
    | "stageReplacement"
    | "count"
    | "newest"
    | "readBack"
    | "readOn",
    Script
  >
>;

/** The names in Redis that belong to a conversation, all in one slot. */
export interface ConversationNames {
  readonly list: string;
  readonly head: string;
  readonly answers: string;
  /** Before the name of a temporary list. */
  readonly stage: string;
  /** The part of an index that has the key, where there is one. */
  readonly index?: string | undefined;
}

/** What a mutation answered. */
export interface Done {
  /** `-`, or `=` and a number, or `+` for a message. */
  readonly answer: string;
  readonly body: string;
  /** The entry of the index that is to be removed. */
  readonly unlist: string;
}

/** Of what has no answer and ends nothing. */
const doneOnly: Done = { answer: "-", body: "", unlist: "" };

/** Why a mutation was not done: with `unlisted` stands the token whose removal from the index was noted last. */
type Refused = `unlisted ${string}` | "lost";

/** Times that a read begins anew when others change what it is reading, and a write when its temporary list is lost. */
const mostRestarts = 10;

/** Payloads in one request: more would keep other clients waiting for the script. */
const mostPayloads = 50_000;

/** A layout whose every operation is one script. */
export abstract class ScriptedDriver implements Driver {
  readonly exactlyOnce = true;
  readonly maxPayloadBytes: number;
  protected readonly port: ScriptPort;
  readonly #ttl: string;
  readonly #firstSends = new FirstSends();
  /** Of the keys that were used last: to make them takes longer than all else that is done here. */
  readonly #names = new RecentMap<ConversationNames>(500);

  constructor(port: ScriptPort, { ttlMs }: LayoutOptions) {
    this.port = port;
    this.maxPayloadBytes = port.limits.requestBytes;
    this.#ttl = String(Math.ceil(ttlMs ?? 0));
  }

  protected abstract readonly scripts: LayoutScripts;
  protected abstract makeNames(key: string): ConversationNames;
  /** The form of a cursor, which comes from outside. */
  protected abstract readonly cursorForm: RegExp;
  /** The payload in an element as a script answers it. */
  protected abstract payloadOf(element: string): Payload;
  abstract listKeys(
    prefix: string,
    limit: number,
    cursor: string | undefined,
    context: ReadContext,
  ): Promise<DriverKeys>;

  protected namesOf(key: string): ConversationNames {
    let names = this.#names.get(key);
    if (names === undefined) {
      names = this.makeNames(key);
      this.#names.set(key, names);
    }
    return names;
  }

  async append(key: string, payloads: readonly Payload[], context: WriteContext): Promise<void> {
    const parts = this.#parts(payloads);
    if (parts.length === 1) await this.change(this.scripts.append, key, payloads, context, "");
    else await this.#changeStaged(this.scripts.stage, this.scripts.appendStaged, key, parts, context);
  }

  async replace(key: string, payloads: readonly Payload[], context: WriteContext): Promise<void> {
    const parts = this.#parts(payloads);
    if (parts.length === 1) await this.change(this.scripts.replace, key, payloads, context);
    else await this.#changeStaged(this.scripts.stageReplacement, this.scripts.replaceStaged, key, parts, context);
  }

  async insert(key: string, index: number, payload: Payload, context: WriteContext): Promise<boolean> {
    const done = await this.change(this.scripts.insert, key, [String(index), payload], context);
    return typeof done !== "string" && done.answer === "=1";
  }

  async forget(key: string, context: WriteContext): Promise<void> {
    await this.change(this.scripts.forget, key, [], context);
  }

  async edit(key: string, index: number, payload: Payload, context: WriteContext): Promise<Payload | undefined> {
    return this.#bodyOf(await this.change(this.scripts.edit, key, [String(index), payload], context));
  }

  async remove(key: string, index: number, context: WriteContext): Promise<Payload | undefined> {
    return this.#bodyOf(await this.change(this.scripts.remove, key, [String(index)], context));
  }

  async pop(key: string, context: WriteContext): Promise<Payload | undefined> {
    return this.#bodyOf(await this.change(this.scripts.pop, key, [], context));
  }

  async trim(key: string, keepLast: number, context: WriteContext): Promise<number> {
    const done = await this.change(this.scripts.trim, key, [String(keepLast)], context);
    return typeof done === "string" ? 0 : Number(done.answer.slice(1));
  }

  async readAll(key: string, context: ReadContext): Promise<Payload[]> {
    return (await this.#read(this.scripts.readBack, key, 0, undefined, context)).elements.reverse();
  }

  async readPage(key: string, limit: number, before: string | undefined, context: ReadContext): Promise<DriverPage> {
    if (before !== undefined && !this.cursorForm.test(before)) {
      throw chatStoreError("INVALID_ARGUMENT", "before is no cursor of this store.");
    }
    const newest = before === undefined && limit <= mostAtOnce ? await this.readNewest(key, limit, context) : undefined;
    if (newest !== undefined) return newest;
    const { elements, cursor } = await this.#read(this.scripts.readBack, key, limit, before, context);
    return { payloads: elements.reverse(), before: cursor };
  }

  async readOldest(key: string, limit: number, context: ReadContext): Promise<Payload[]> {
    return (await this.#read(this.scripts.readOn, key, limit, undefined, context)).elements;
  }

  async count(key: string, context: ReadContext): Promise<number> {
    const reply = await this.port.run(this.scripts.count, this.#readNames(key), [], context);
    return Number(reply);
  }

  close(): Promise<void> {
    return this.port.close();
  }

  /** Runs a mutation, with whatever a layout has to do beside it. `stage` is empty for a script that has no temporary list. */
  protected change(
    script: Script,
    key: string,
    args: readonly string[],
    context: WriteContext,
    stage?: string | undefined,
  ): Promise<Done | Refused> {
    return this.send(script, key, args, context, { stage });
  }

  /** Sends a mutation: one request, and up to three when it is repeated. */
  protected send(
    script: Script,
    key: string,
    args: readonly string[],
    context: WriteContext,
    { stage, token = "", index }: { stage?: string | undefined; token?: string; index?: string | undefined },
  ): Promise<Done | Refused> {
    const names = this.namesOf(key);
    const keys = [names.list, names.head, names.answers];
    if (stage !== "") keys.push(stage ?? this.#stageOf(key, context));
    if (index !== undefined) keys.push(index);
    const { operation } = context;
    return this.#firstSends.send(
      key,
      context,
      () => this.#time(names, context),
      async (since = 0) => {
        const { fingerprint } = operation;
        const all = [idOf(operation), fingerprint, since === 0 ? "0" : String(since), this.#ttl, key, token, ...args];
        return doneOf(await this.port.run(script, keys, all, context));
      },
    );
  }

  /** The time of the server that has the conversation. */
  async #time({ answers }: ConversationNames, context: ReadContext): Promise<number> {
    return Number(await this.port.run(time, [answers], [], context));
  }

  /** Puts the payloads into a temporary list, part by part, and lets the script take them from there. */
  async #changeStaged(
    staging: Script,
    script: Script,
    key: string,
    parts: readonly (readonly Payload[])[],
    context: WriteContext,
  ): Promise<void> {
    const stage = this.#stageOf(key, context);
    const total = parts.reduce((sum, part) => sum + part.length, 0);
    for (let round = 0; round < mostRestarts; round++) {
      if (!(await this.#stage(staging, stage, parts, context))) continue;
      if ((await this.change(script, key, [String(total)], context, stage)) !== "lost") return;
    }
    throw chatStoreError("UNAVAILABLE", "What was staged for this write was lost again and again.");
  }

  async #stage(script: Script, stage: string, parts: readonly (readonly Payload[])[], context: WriteContext) {
    let offset = 0;
    for (const part of parts) {
      if (context.signal.aborted) throw chatStoreError("ABORTED", "The operation was aborted by its signal.");
      const reply = await this.port.run(script, [stage], [String(offset), ...part], context);
      if (reply === "lost") return false;
      if (reply !== "staged") throw new UnexpectedReply();
      offset += part.length;
    }
    return true;
  }

  /** The newest page, unless it has more bytes than go into one reply. */
  protected async readNewest(key: string, limit: number, context: ReadContext): Promise<DriverPage | undefined> {
    const args = [String(limit), String(this.port.limits.replyBytes)];
    const reply = await this.port.run(this.scripts.newest, this.#readNames(key), args, context);
    if (reply === "long") return undefined;
    const [before, ...elements] = texts(reply);
    if (before === undefined) throw new UnexpectedReply();
    const payloads = elements.map((element) => this.payloadOf(element));
    return before === "" ? { payloads } : { payloads, before };
  }

  /** Reads until it has `limit` elements or all, in as many requests as their size takes; all of one state. */
  async #read(
    script: Script,
    key: string,
    limit: number,
    from: string | undefined,
    context: ReadContext,
  ): Promise<{ elements: Payload[]; cursor: string | undefined }> {
    const keys = this.#readNames(key);
    const budget = String(this.port.limits.replyBytes);
    for (let round = 0; round < mostRestarts; round++) {
      const elements: Payload[] = [];
      let cursor = from;
      let edits = "";
      for (;;) {
        const left = limit === 0 ? 0 : limit - elements.length;
        const reply = texts(await this.port.run(script, keys, [String(left), budget, cursor ?? "", edits], context));
        if (reply[0] === "moved") break;
        if (reply[0] !== "page") throw new UnexpectedReply();
        edits = reply[2] ?? "";
        for (let i = 4; i < reply.length; i++) elements.push(this.payloadOf(reply[i] ?? ""));
        cursor = reply[1] === "" ? undefined : reply[1];
        if (cursor === undefined || elements.length === limit) return { elements, cursor };
      }
      if (edits === "") {
        const problem = "The history that this page belonged to was replaced or has ended. Read the newest page.";
        throw chatStoreError("CONFLICT", problem);
      }
    }
    throw chatStoreError(
      "UNAVAILABLE",
      "The history was changed again and again while it was being read. Read a page.",
    );
  }

  #parts(payloads: readonly Payload[]): readonly (readonly Payload[])[] {
    // Three bytes for each unit of a string at most: usually there is nothing to be measured.
    const units = payloads.reduce((sum, payload) => sum + payload.length, 0);
    if (payloads.length <= mostPayloads && units * 3 <= this.port.limits.requestBytes) return [payloads];
    return batches(payloads, { count: mostPayloads, bytes: this.port.limits.requestBytes }, utf8Length);
  }

  /** Two that use one id for different things don't meet in one list. */
  #stageOf(key: string, { operation }: WriteContext): string {
    return `${this.namesOf(key).stage}${idOf(operation)}.${operation.fingerprint}`;
  }

  #readNames(key: string): string[] {
    const { list, head, answers } = this.namesOf(key);
    return [list, head, answers];
  }

  #bodyOf(done: Done | Refused): Payload | undefined {
    return typeof done === "string" || !done.answer.startsWith("+") ? undefined : this.payloadOf(done.body);
  }
}

/** A reply that none of the scripts gives: something between the client and Redis changed it. */
export class UnexpectedReply extends Error {}

function doneOf(reply: unknown): Done | Refused {
  // A client may be told to give numbers as text.
  if (reply === 1 || reply === "1") return doneOnly;
  const [status, answer = "", body = "", unlist = ""] = texts(reply);
  switch (status) {
    case "done":
      return { answer, body, unlist };
    case "unlisted":
      return `unlisted ${answer}`;
    case "lost":
      return status;
    case "conflict":
      throw chatStoreError("CONFLICT", "This operationId was used for another operation on this key. Use a new one.");
    case "gone": {
      const problem = "The operation was applied, but what it answered is no longer kept.";
      throw chatStoreError("UNAVAILABLE", problem, { outcome: "unknown" });
    }
    case "forgotten":
      throw new MaybeForgotten();
    default:
      throw new UnexpectedReply();
  }
}

/** The strings of a list reply; integers as text. */
export function texts(reply: unknown): string[] {
  if (!Array.isArray(reply)) throw new UnexpectedReply();
  return reply.map((item) => {
    if (typeof item === "string") return item;
    if (typeof item === "number") return String(item);
    throw new UnexpectedReply();
  });
}

/** As the scripts know it: without blanks, and with who made it. */
function idOf({ id, fromCaller }: Operation): string {
  return fromCaller ? `c${encodeName(id)}` : `s${id}`;
}
