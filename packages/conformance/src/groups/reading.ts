import type { ChatStore, MessagePage } from "@chatkeep/chat-store-core";

/** The contents of a conversation. */
export async function texts(store: ChatStore, key: string): Promise<unknown[]> {
  return (await store.getMessages(key)).map(({ content }) => content);
}

export function textsOf(page: MessagePage): unknown[] {
  return page.messages.map(({ content }) => content);
}

/** A conversation read page by page, from the newest, and put together. */
export async function pageTexts(store: ChatStore, key: string, limit: number, before?: string): Promise<unknown[]> {
  const read: unknown[] = [];
  let cursor = before;
  do {
    const page = await store.getPage(key, { limit, before: cursor });
    if (page.messages.length > limit)
      throw new Error(`A page of at most ${limit} has ${page.messages.length} messages.`);
    read.unshift(...textsOf(page));
    cursor = page.before;
  } while (cursor !== undefined);
  return read;
}
