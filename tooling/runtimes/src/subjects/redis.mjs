import { RedisChatStore } from "@chatkeep/chat-store-redis";
import { subjectOf } from "./subject.mjs";

export const subject = ({ url }) =>
  subjectOf("RedisChatStore", (keyPrefix, options) => new RedisChatStore({ redisUrl: url, keyPrefix, ...options }));
