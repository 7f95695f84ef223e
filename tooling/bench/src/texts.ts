import type { ChatMessage } from "@chatkeep/chat-store-core";

const sentences = [
  "The tide table on the wall was three years old, and nobody had thought of taking it down. ",
  "Could you compare both drafts and tell me which of the two explains the second step better? ",
  "I moved the meeting to Thursday because the room is free then, and sent everybody a note. ",
  "First measure how long a request takes, then look where the time goes, and only then change a line. ",
  "She had counted the stairs so often that her feet knew when to stop, even in the dark. ",
  "Please keep the answer short: a list of three points, each with a number and a source. ",
  "The recipe asks for two onions, but one large one will do if you cut it fine enough. ",
];

/** Prose of so many characters, another for each number. */
export function prose(characters: number, number = 0): string {
  let text = `${number}: `;
  for (let i = number; text.length < characters; i++) text += sentences[(i * 3) % sentences.length];
  return text.slice(0, characters);
}

/** As long as what people and models write to each other. */
export const CHARACTERS = 400;

export const roleOf = (number: number) => (number % 2 === 0 ? ("user" as const) : ("assistant" as const));

function message(number: number): ChatMessage {
  return { role: roleOf(number), content: prose(CHARACTERS, number) };
}

export const messages = (count: number, first = 0): ChatMessage[] =>
  Array.from({ length: count }, (_, i) => message(first + i));
