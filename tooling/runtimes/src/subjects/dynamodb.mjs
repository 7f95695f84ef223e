import { DynamoDBChatStore } from "@chatkeep/chat-store-dynamodb";
import { subjectOf } from "./subject.mjs";

const connection = {
  region: "eu-test-1",
  credentials: { accessKeyId: "AKIDTEST", secretAccessKey: "secret" },
  layout: "chatkeep",
  autoSetup: true,
};

export const subject = ({ url }) =>
  subjectOf("DynamoDBChatStore", (tableName, options) => {
    return new DynamoDBChatStore({ ...connection, endpoint: url, tableName, ...options });
  });
