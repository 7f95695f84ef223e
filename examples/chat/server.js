// @ts-check
// A chat in the browser. Its addresses:
//   GET    /api/conversations                          the user's conversations, newest first
//   GET    /api/conversations/ID/messages?before=…     a page of messages, the newest if `before` is absent
//   POST   /api/conversations/ID/messages {id, text}   keeps a message; a repeat with the same id adds nothing
//   POST   /api/conversations/ID/answer                the answer to the newest message, as lines of JSON
//   PUT    /api/conversations/ID/messages/ID {text}    edits a message
//   DELETE /api/conversations/ID/messages/ID
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { textOf } from "@chatkeep/chat-store-core";
import { answer, ask, longestText } from "./conversation.js";
import { explain, Refusal } from "./errors.js";
import { openStore, settled } from "./store.js";

/** @typedef {import("node:http").IncomingMessage} IncomingMessage */
/** @typedef {import("node:http").ServerResponse} ServerResponse */
/** @typedef {{ user: string; key: string; id: string; before: string | undefined; request: IncomingMessage; response: ServerResponse }} Call */

const { HOST = "127.0.0.1", PORT = "3000" } = process.env;
const pageSize = 50;
const listedConversations = 50;
const longestTitle = 60;
const largestBody = 64 * 1024;

const store = await openStore();

// ------------------------------------------------------------------------------------------------ who may reach what

/**
 * The user who asks. A random cookie stands in for a login: put yours here. It is the first part of every key, so that
 * whatever conversation a browser names, it reaches its own user's ones only. Behind HTTPS add `Secure`.
 * @param {IncomingMessage} request
 */
function userOf(request) {
  return /(?:^|; )user=([0-9a-f-]{36})(?:;|$)/.exec(request.headers.cookie ?? "")?.[1];
}

const newUser = () => `user=${randomUUID()}; HttpOnly; SameSite=Strict; Path=/; Max-Age=31536000`;

const prefixOf = (/** @type {string} */ user) => `${user}/`;

const busy = new Set();

/**
 * One change of a conversation at a time, since positions in it shift. That holds for this process: with several, send
 * each user to one of them.
 * @template T
 * @param {string} key
 * @param {() => Promise<T>} change
 */
async function alone(key, change) {
  if (busy.has(key)) throw new Refusal("BUSY");
  busy.add(key);
  try {
    return await change();
  } finally {
    busy.delete(key);
  }
}

// ------------------------------------------------------------------------------------------------------ conversations

/** @param {Call} call */
async function listConversations({ user }) {
  // An application with many users keeps a list of each user's conversations: some stores look through all keys here.
  const keys = await store.getKeys({ prefix: prefixOf(user) });
  // The page makes ids that begin with the time.
  const newest = keys.sort().reverse().slice(0, listedConversations);
  return Promise.all(
    newest.map(async (key) => {
      const { messages } = await store.getPage(key, { limit: 1, from: "oldest" });
      return { id: key.slice(prefixOf(user).length), title: messages.map(textOf).join().slice(0, longestTitle) };
    }),
  );
}

/** @param {Call} call */
async function readMessages({ key, before }) {
  const page = await store.getPage(key, { limit: pageSize, before });
  const messages = page.messages.map((message) => ({ id: message.id, role: message.role, text: textOf(message) }));
  return { messages, before: page.before, answering: answers.has(key) };
}

/** @param {Call} call */
async function addMessage({ key, request }) {
  const { id, text } = await bodyOf(request);
  if (typeof id !== "string" || !/^[\w-]{1,64}$/.test(id)) throw new Refusal("BAD_REQUEST");
  await alone(key, () => ask(store, key, id, checkedText(text)));
}

/** @param {Call} call */
async function editMessage({ key, id, request }) {
  const content = checkedText((await bodyOf(request)).text);
  await alone(key, async () => {
    const { index, message } = await find(key, id);
    await store.replaceMessage(key, index, { ...message, content });
    await settled(store);
  });
}

/** @param {Call} call */
async function deleteMessage({ key, id }) {
  await alone(key, async () => {
    await store.deleteMessage(key, (await find(key, id)).index);
    await settled(store);
  });
}

/**
 * @param {string} key
 * @param {string} id
 */
async function find(key, id) {
  const messages = await store.getMessages(key);
  const index = messages.findIndex((message) => message.id === id);
  const message = messages[index];
  if (message === undefined) throw new Refusal("NOT_FOUND");
  return { index, message };
}

// ------------------------------------------------------------------------------------------------------------ answers

/** Answers that are being written, by key. @type {Map<string, { text: string; readers: Set<ServerResponse> }>} */
const answers = new Map();

/**
 * Streams the answer. It is written to its end whether or not somebody reads, and whoever asks meanwhile, another tab or
 * the same one after a reload, gets the same answer from its beginning.
 * @param {Call} call
 */
function streamAnswer({ key, response }) {
  const { text, readers } = answers.get(key) ?? startAnswer(key);
  response.writeHead(200, { "content-type": "application/x-ndjson", "cache-control": "no-store" });
  response.write(`${JSON.stringify({ text })}\n`);
  readers.add(response);
  response.once("close", () => readers.delete(response));
}

/** @param {string} key */
function startAnswer(key) {
  const current = { text: "", readers: /** @type {Set<ServerResponse>} */ (new Set()) };
  const tell = (/** @type {object} */ event) => {
    for (const reader of current.readers) reader.write(`${JSON.stringify(event)}\n`);
  };
  const write = async () => {
    for await (const text of answer(store, key)) {
      current.text += text;
      tell({ text });
    }
  };
  answers.set(key, current);
  void alone(key, write)
    .then(
      () => tell({ done: true }),
      (error) => tell({ error: explain(error).body }),
    )
    .finally(() => {
      answers.delete(key);
      for (const reader of current.readers) reader.end();
    });
  return current;
}

// --------------------------------------------------------------------------------------------------------------- HTTP

/** @param {IncomingMessage} request */
async function bodyOf(request) {
  /** @type {Buffer[]} */
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    // The rest is read and dropped: a browser that is cut off while it sends doesn't look at the answer.
    if (size <= largestBody) chunks.push(chunk);
  }
  if (size > largestBody) throw new Refusal("TOO_LARGE");
  try {
    return Object(JSON.parse(Buffer.concat(chunks).toString()));
  } catch {
    throw new Refusal("BAD_REQUEST");
  }
}

/** @param {unknown} text */
function checkedText(text) {
  if (typeof text !== "string" || text.trim() === "") throw new Refusal("BAD_REQUEST");
  if (Buffer.byteLength(text) > longestText) throw new Refusal("TOO_LARGE");
  return text;
}

const conversation = "/api/conversations/([\\w-]{1,64})";
/** @type {[method: string, path: RegExp, answer: (call: Call) => unknown][]} */
const routes = [
  ["GET", /^\/api\/conversations$/, listConversations],
  ["GET", new RegExp(`^${conversation}/messages$`), readMessages],
  ["POST", new RegExp(`^${conversation}/messages$`), addMessage],
  ["POST", new RegExp(`^${conversation}/answer$`), streamAnswer],
  ["PUT", new RegExp(`^${conversation}/messages/([\\w-]{1,64})$`), editMessage],
  ["DELETE", new RegExp(`^${conversation}/messages/([\\w-]{1,64})$`), deleteMessage],
];

/** @type {Record<string, [file: string, type: string]>} */
const files = {
  "/": ["index.html", "text/html"],
  "/chat.js": ["chat.js", "text/javascript"],
  "/chat.css": ["chat.css", "text/css"],
};

/**
 * Whether another site's page asks. Browsers send `Sec-Fetch-Site` to HTTPS and localhost only, and `Origin` to every
 * server, but not with all reads. Programs that send neither have no cookie of somebody else to send along.
 * @param {IncomingMessage} request
 */
function isForeign({ headers }) {
  const { origin, host, "sec-fetch-site": site = "same-origin" } = headers;
  return site !== "same-origin" || (origin !== undefined && origin.split("//")[1] !== host);
}

/**
 * @param {IncomingMessage} request
 * @param {ServerResponse} response
 */
async function handle(request, response) {
  // Even if a text became HTML in the page by mistake, nothing in it would run.
  response.setHeader("content-security-policy", "default-src 'self'; frame-ancestors 'none'");
  response.setHeader("x-content-type-options", "nosniff");
  const [path = "", query] = (request.url ?? "").split("?");
  const user = userOf(request);

  const [file, type] = files[path] ?? [];
  if (file !== undefined && request.method === "GET") {
    if (user === undefined) response.setHeader("set-cookie", newUser());
    response.setHeader("content-type", `${type}; charset=utf-8`);
    response.end(await readFile(new URL(`public/${file}`, import.meta.url)));
    return;
  }

  if (isForeign(request)) throw new Refusal("FOREIGN");
  if (user === undefined) throw new Refusal("NO_USER");
  for (const [method, pattern, answer] of routes) {
    const match = method === request.method ? pattern.exec(path) : null;
    if (match === null) continue;
    const [, conversationId = "", id = ""] = match;
    const before = new URLSearchParams(query).get("before") ?? undefined;
    const result = await answer({ user, key: prefixOf(user) + conversationId, id, before, request, response });
    if (response.headersSent) return;
    response.setHeader("content-type", "application/json").end(JSON.stringify(result ?? {}));
    return;
  }
  throw new Refusal("NOT_FOUND");
}

const server = createServer((request, response) => {
  handle(request, response).catch((error) => {
    const { status, body } = explain(error);
    if (response.headersSent) response.destroy();
    else response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
});

server.listen(Number(PORT), HOST, () => console.log(`http://${HOST}:${PORT}`));

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    server.close();
    server.closeAllConnections();
    await store.close();
    process.exit();
  });
}
