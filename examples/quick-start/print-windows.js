// @ts-check
// Only for the eyes: a table of the messages, marked with the windows that they are in.
import { isDeepStrictEqual, styleText } from "node:util";
import { textOf } from "@chatkeep/chat-store-core";
import { toOpenAI } from "@chatkeep/chat-store-core/openai";

/** @typedef {import("@chatkeep/chat-store-core").ChatMessage} ChatMessage */

const textColumns = 68;
const colour = process.stdout.isTTY && process.stdout.hasColors();
const graphemes = new Intl.Segmenter();

/**
 * @param {ChatMessage[]} messages
 * @param {Record<string, ChatMessage[]>} windows by a name of one letter
 * @param {number} loaded how many of the messages were in the file
 */
export function printWindows(messages, windows, loaded) {
  const kept = Object.values(windows).map((window) => keptOf(messages, window));
  console.log(style("bold", row("#", "role", "chars", Object.keys(windows), "message")));
  for (const [i, message] of messages.entries()) {
    if (i === loaded) console.log(style("dim", "     put by this program:"));
    const marks = kept.map((window) => (window.has(i) ? "■" : "·"));
    const line = row(`${i + 1}`, message.role, `${textOf(message).length}`, marks, fit(tell(message), textColumns));
    console.log(marks.includes("■") ? line : style("dim", line));
  }
}

/**
 * Which messages a window kept: it holds copies of them, in their order.
 * @param {ChatMessage[]} messages
 * @param {ChatMessage[]} window
 */
function keptOf(messages, window) {
  const kept = new Set();
  let left = window.length;
  for (let i = messages.length - 1; i >= 0 && left > 0; i--) {
    if (!isDeepStrictEqual(messages[i], window[left - 1])) continue;
    kept.add(i);
    left--;
  }
  return kept;
}

/**
 * The text of a message, or the call that it makes.
 * @param {ChatMessage} message
 */
function tell(message) {
  const [sent] = toOpenAI([message]);
  const calls = sent?.role === "assistant" ? (sent.tool_calls ?? []) : [];
  const called = calls.map((call) => `calls ${call.function.name}(${call.function.arguments})`);
  return [textOf(message), ...called].join(" ").replace(/\s+/g, " ").trim();
}

/**
 * @param {string} text
 * @param {number} columns
 */
function fit(text, columns) {
  let fitting = "";
  for (const { segment } of graphemes.segment(text)) {
    // Chinese, Japanese, Korean and emoji are two columns wide.
    columns -= /[\u1100-\u115F\u2E80-\uFFE6]|\p{Emoji_Presentation}|\uFE0F/u.test(segment) ? 2 : 1;
    if (columns < 1) return `${fitting}…`;
    fitting += segment;
  }
  return fitting;
}

/**
 * @param {string} position
 * @param {string} role
 * @param {string} chars
 * @param {string[]} marks
 * @param {string} text
 */
function row(position, role, chars, marks, text) {
  return ` ${position.padStart(2)}  ${role.padEnd(9)}  ${chars.padStart(5)}  ${marks.join(" ")}  ${text}`;
}

/**
 * @param {"bold" | "dim"} format
 * @param {string} text
 */
function style(format, text) {
  return colour ? styleText(format, text) : text;
}
