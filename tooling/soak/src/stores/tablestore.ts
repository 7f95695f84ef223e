import { tablestoreSubject } from "../tablestore-subject.js";

/** TablestoreChatStore in its own layout. */
export const subject = tablestoreSubject("chatkeep");
