import { PostgresChatStore } from "@chatkeep/chat-store-postgres";
import { subjectOf } from "./subject.mjs";

export const subject = ({ url }) =>
  subjectOf("PostgresChatStore", (tableName, options) => {
    return new PostgresChatStore({ connectionString: url, max: 3, tableName, ...options });
  });
