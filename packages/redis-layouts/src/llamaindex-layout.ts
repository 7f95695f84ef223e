import { chatStoreError, type DriverKeys, mayBeginKey, type ReadContext } from "@chatkeep/chat-store-core/backend";
import { llamaindexScripts } from "./llamaindex-scripts.js";
import { escapeGlob, tagLike } from "./names.js";
import type { ScriptPort } from "./script-port.js";
import { type ConversationNames, type LayoutOptions, ScriptedDriver } from "./scripted-driver.js";

/** What the names of our own keys begin with, in both layouts unless another prefix was chosen. */
export const ownPrefix = "chatkeep:";

export interface LlamaIndexLayoutOptions extends LayoutOptions {
  /** Before every key; LlamaIndex has none. */
  keyPrefix: string;
}

/**
 * LlamaIndex Python's own layout: the key as it is, a list, a message's JSON in each element. For some minutes after a
 * write there is a guard beside it, by which our clients know what they have done.
 */
export class LlamaIndexLayout extends ScriptedDriver {
  protected readonly scripts = llamaindexScripts;
  protected readonly cursorForm = /^\d{1,10}\/[0-9a-f]{16}$/;
  readonly #keyPrefix: string;

  constructor(port: ScriptPort, options: LlamaIndexLayoutOptions) {
    super(port, options);
    this.#keyPrefix = options.keyPrefix;
  }

  protected makeNames(key: string): ConversationNames {
    const list = this.#keyPrefix + key;
    if (list.startsWith(ownPrefix)) {
      const problem = `In the layout "llamaindex" a key must not begin with ${ownPrefix}, as the store's own names do.`;
      throw chatStoreError("INVALID_KEY", problem, { key });
    }
    const base = `${ownPrefix}guard:${tagLike(list)}${list}:`;
    return { list, head: `${base}head`, answers: `${base}answers`, stage: `${base}stage:` };
  }

  protected payloadOf(element: string): string {
    return element.slice(1);
  }

  /** All at once: SCAN has no order, may repeat names, and passes by all that is in the database. */
  async listKeys(
    prefix: string,
    _limit: number,
    _cursor: string | undefined,
    context: ReadContext,
  ): Promise<DriverKeys> {
    if (!mayBeginKey(prefix)) return { keys: [] };
    const lists = await this.port.scanLists(`${escapeGlob(this.#keyPrefix + prefix)}*`, context);
    const keys = new Set(lists.filter((name) => !name.startsWith(ownPrefix)));
    return { keys: [...keys].map((name) => name.slice(this.#keyPrefix.length)) };
  }
}
