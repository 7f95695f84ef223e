import { invalid, utf8Length } from "@chatkeep/chat-store-core/backend";
import { ownPrefix } from "./llamaindex-layout.js";

export type RedisLayout = "chatkeep" | "llamaindex";

const mostPrefixBytes = 256;

/** Checks `layout` and `keyPrefix`, and fills in what they are by default. Throws `INVALID_ARGUMENT`. */
export function checkNames(options: { layout?: unknown; keyPrefix?: unknown }): {
  layout: RedisLayout;
  keyPrefix: string;
} {
  const { layout = "chatkeep", keyPrefix = layout === "llamaindex" ? "" : ownPrefix } = options;
  if (layout !== "chatkeep" && layout !== "llamaindex") {
    throw invalid('layout must be "chatkeep" or "llamaindex".');
  }
  // A lone surrogate has no UTF-8. Braces are where Redis Cluster looks for what a name's slot is made from.
  if (
    typeof keyPrefix !== "string" ||
    /[{}\p{Surrogate}]/u.test(keyPrefix) ||
    utf8Length(keyPrefix) > mostPrefixBytes
  ) {
    const problem = `keyPrefix must be well-formed text without braces, of at most ${mostPrefixBytes} UTF-8 bytes.`;
    throw invalid(problem);
  }
  if (layout === "llamaindex" && keyPrefix.startsWith(ownPrefix)) {
    throw invalid(`In the layout "llamaindex" keyPrefix must not begin with ${ownPrefix}.`);
  }
  return { layout, keyPrefix };
}
