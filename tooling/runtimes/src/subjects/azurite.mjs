import { AzureChatStore } from "@chatkeep/chat-store-azure";
import { subjectOf } from "./subject.mjs";

export const subject = ({ url, account }) =>
  subjectOf("AzureChatStore", (chatTableName, options) => {
    return new AzureChatStore({ endpoint: url, credential: account, chatTableName, ...options });
  });
