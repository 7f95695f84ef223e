import { TablestoreChatStore } from "@chatkeep/chat-store-tablestore";
import { subjectOf } from "./subject.mjs";

export const subject = ({ url, access }) =>
  subjectOf("TablestoreChatStore", (tableName, options) => {
    return new TablestoreChatStore({ endpoint: url, ...access, tableName, autoSetup: true, ...options });
  });
