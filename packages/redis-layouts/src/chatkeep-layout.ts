import type { DriverKeys, ReadContext, WriteContext } from "@chatkeep/chat-store-core/backend";
import { chatkeepScripts } from "./chatkeep-scripts.js";
import { KeyIndex } from "./key-index.js";
import { encodeName } from "./names.js";
import type { Script, ScriptPort } from "./script-port.js";
import {
  type ConversationNames,
  type Done,
  type LayoutOptions,
  ScriptedDriver,
  texts,
  UnexpectedReply,
} from "./scripted-driver.js";

export interface ChatkeepLayoutOptions extends LayoutOptions {
  /** Before every name; without braces. */
  keyPrefix: string;
}

/**
 * A list of messages for each conversation, its head and the answers to its last operations beside it under one hash tag,
 * and an index of keys.
 */
export class ChatkeepLayout extends ScriptedDriver {
  protected readonly scripts = chatkeepScripts;
  protected readonly cursorForm = /^\d{1,17}\/-?\d{1,17}(?:\.\d{1,20})?(?:e[+-]?\d{1,3})?$/;
  readonly #keyPrefix: string;
  readonly #index: KeyIndex;

  constructor(port: ScriptPort, options: ChatkeepLayoutOptions) {
    super(port, options);
    this.#keyPrefix = options.keyPrefix;
    this.#index = new KeyIndex(port, options.keyPrefix, (key) => this.namesOf(key));
  }

  protected makeNames(key: string): ConversationNames {
    // The letter keeps a conversation's tag from being one of the index.
    const base = `${this.#keyPrefix}{k${encodeName(key)}}:`;
    const index = this.#index.shardOf(key);
    return { list: `${base}messages`, head: `${base}head`, answers: `${base}answers`, stage: `${base}stage:`, index };
  }

  protected payloadOf(element: string): string {
    return element.slice(element.indexOf(" ") + 1);
  }

  /**
   * Without Lua where it can be: the same three commands. The life is read before the list, so that what the cursor leads
   * to is never another history: at worst, when this one was replaced in between, it leads nowhere.
   */
  protected override async readNewest(key: string, limit: number, context: ReadContext) {
    if (this.port.together === undefined) return super.readNewest(key, limit, context);
    const { list, head, answers } = this.namesOf(key);
    const [, text, reply] = await this.port.together([
      // A write without effect, which no replica does.
      ["hdel", answers, ""],
      ["getrange", head, 0, 40],
      ["lrange", list, -limit - 1, -1],
    ]);
    if (typeof text !== "string") throw new UnexpectedReply();
    const [, life = "0"] = /^\d+ (\S+) /.exec(text) ?? [];
    const elements = texts(reply);
    const older = elements.length > limit;
    const page = older ? elements.slice(1) : elements;
    const payloads = page.map((element) => this.payloadOf(element));
    const [oldest = ""] = page;
    return older ? { payloads, before: `${life}/${oldest.slice(0, oldest.indexOf(" "))}` } : { payloads };
  }

  listKeys(prefix: string, limit: number, cursor: string | undefined, context: ReadContext): Promise<DriverKeys> {
    return this.#index.list(prefix, limit, cursor, context);
  }

  /** One request; in a Cluster three when a conversation begins, and two when it ends. */
  protected override change(
    script: Script,
    key: string,
    args: readonly string[],
    context: WriteContext,
    stage?: string | undefined,
  ) {
    const { index } = this.namesOf(key);
    return this.port.acrossSlots
      ? this.send(script, key, args, context, { stage, index })
      : this.#changeInCluster(script, key, args, context, stage);
  }

  async #changeInCluster(
    script: Script,
    key: string,
    args: readonly string[],
    context: WriteContext,
    stage: string | undefined,
  ) {
    let done = await this.send(script, key, args, context, { stage });
    while (typeof done === "string" && done !== "lost") {
      const noted = done.slice("unlisted ".length);
      const token = await this.#index.add(key, context);
      done = await this.send(script, key, args, context, { stage, token: `${token} ${noted}` });
    }
    if (typeof done !== "string" && done.unlist !== "") await this.#unlist(key, done, context);
    return done;
  }

  /** What was done is done, so a failure here is none of the operation's: who lists the key removes its entry. */
  async #unlist(key: string, { unlist }: Done, context: WriteContext): Promise<void> {
    try {
      await this.#index.remove(key, unlist, context);
    } catch {}
  }
}
