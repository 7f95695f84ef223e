import { UpstashChatStore } from "@chatkeep/chat-store-upstash";
import { subjectOf } from "./subject.mjs";

export const subject = ({ url, token }) =>
  subjectOf("UpstashChatStore", (keyPrefix, options) => {
    return new UpstashChatStore({ redisUrl: url, redisToken: token, keyPrefix, ...options });
  });
