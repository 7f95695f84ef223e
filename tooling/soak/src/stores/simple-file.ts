import { SimpleChatStore } from "@chatkeep/chat-store-core";
import type { FileSubject } from "../subject.js";

interface StoredFile {
  store: Record<string, { blocks: { text?: string }[] }[]>;
}

/** SimpleChatStore with a file that it writes behind its callers' backs. */
export const subject: FileSubject = {
  kind: "file",
  open: (path) => SimpleChatStore.open(path),
  parse(text) {
    const { store } = JSON.parse(text) as StoredFile;
    const texts = Object.entries(store).map(([key, messages]) => [
      key,
      messages.map(({ blocks }) => blocks.map((block) => block.text ?? "").join("")),
    ]);
    return Object.fromEntries(texts) as Record<string, string[]>;
  },
};
