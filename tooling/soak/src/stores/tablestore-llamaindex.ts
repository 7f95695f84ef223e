import { tablestoreSubject } from "../tablestore-subject.js";

/** TablestoreChatStore in LlamaIndex's layout. */
export const subject = tablestoreSubject("llamaindex");
