// @ts-check
// The page. Texts become text nodes and never HTML. After every change the newest page of messages is read anew. Older ones
// stay as they were when they were read, but for what is edited and deleted in this tab.

/** @typedef {{ id?: string; role: string; text: string }} Message */

const nearMargin = 200;

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 */
function find(id, type) {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`The page has no ${id}.`);
  return element;
}

const scroll = find("scroll", HTMLElement);
const list = find("messages", HTMLElement);
const older = find("older", HTMLButtonElement);
const problem = find("problem", HTMLElement);
const box = find("text", HTMLTextAreaElement);
const send = find("send", HTMLButtonElement);
const editor = find("editor", HTMLDialogElement);
const edited = find("edited", HTMLTextAreaElement);

/** Other tabs of this browser hear of every change. */
const channel = new BroadcastChannel("chat");

let conversation = "";
/** @type {Message[]} */
let messages = [];
/** Where the page of older messages ends. @type {string | undefined} */
let before;
/** The answer that is being written, or how far it came. @type {{ text: string; broken: boolean } | undefined} */
let draft;
/** What was sent and has not arrived for sure: sent again it keeps its id. @type {{ id: string; text: string } | undefined} */
let unsent;
let sending = false;

// -------------------------------------------------------------------------------------------------------- the server

class Failure extends Error {
  /** @param {{ code: string; text: string }} body */
  constructor({ code, text }) {
    super(text);
    this.code = code;
  }
}

const offline = { code: "OFFLINE", text: "The server can't be reached. Try again, nothing is doubled." };
const brokenOff = { code: "INTERRUPTED", text: "The connection broke off in the middle of the answer." };

/**
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 */
async function call(method, path, body) {
  const request = body && { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  const response = await fetch(`/api/conversations${path}`, { method, ...request }).catch(() => {
    throw new Failure(offline);
  });
  if (response.ok) return response;
  throw new Failure(await response.json().catch(() => ({ code: `HTTP ${response.status}`, text: "" })));
}

/**
 * The events of an answer, one JSON a line.
 * @param {Response} response
 */
async function* events(response) {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let unfinished = "";
  try {
    for (;;) {
      // A connection that breaks off rejects: an end without `done`, which `readAnswer` tells.
      const { done, value } = (await reader?.read().catch(() => undefined)) ?? { done: true };
      if (done) return;
      const lines = (unfinished + value).split("\n");
      unfinished = lines.pop() ?? "";
      for (const line of lines) yield JSON.parse(line);
    }
  } finally {
    // Nobody reads on: what the connection still has to say is no news.
    void reader?.cancel().catch(() => {});
  }
}

/**
 * Shows why something failed, by its code.
 * @param {() => unknown} action
 */
async function attempt(action) {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    problem.textContent = `${error.code}: ${error.message}`;
    problem.hidden = false;
  }
}

/**
 * The same for what the user does, who has then seen what failed before.
 * @param {() => unknown} action
 */
function act(action) {
  problem.hidden = true;
  void attempt(action);
}

// -------------------------------------------------------------------------------------------------------- the actions

/** Reads the newest page, and keeps the older messages that were read already. */
async function refresh() {
  const id = conversation;
  if (id === "") return;
  const page = await (await call("GET", `/${id}/messages`)).json();
  if (id !== conversation) return;
  const [first] = page.messages;
  const known = first?.id === undefined ? -1 : messages.findIndex((message) => message.id === first.id);
  if (known < 0) before = page.before;
  messages = [...messages.slice(0, Math.max(known, 0)), ...page.messages];
  render();
  if (page.answering && (draft === undefined || draft.broken)) void attempt(() => readAnswer(false));
}

let reading = false;
async function readOlder() {
  if (reading || before === undefined) return;
  reading = true;
  const id = conversation;
  const end = before;
  try {
    const page = await (await call("GET", `/${id}/messages?before=${encodeURIComponent(end)}`)).json();
    if (id !== conversation || end !== before) return; // The page would not join on to what is shown by now.
    messages = [...page.messages, ...messages];
    before = page.before;
    const fromBottom = scroll.scrollHeight - scroll.scrollTop;
    render();
    scroll.scrollTop = scroll.scrollHeight - fromBottom;
  } catch (error) {
    // The place is gone, since the history was replaced: begin again.
    if (!(error instanceof Failure && error.code === "CONFLICT")) throw error;
    messages = [];
    await refresh();
  } finally {
    reading = false;
  }
}

async function changed() {
  channel.postMessage(conversation);
  await refresh();
  await listConversations();
}

/**
 * Shows the answer to the newest message while it is written.
 * @param {boolean} asked whether it was asked for in this tab; otherwise it is being written already
 */
async function readAnswer(asked) {
  const id = conversation;
  const current = { text: "", broken: false };
  draft = current;
  render();
  try {
    const response = await call("POST", `/${id}/answer`);
    if (asked) channel.postMessage(id);
    for await (const event of events(response)) {
      if (id !== conversation) return; // It goes on without us.
      if (event.error) throw new Failure(event.error);
      if (event.done) {
        draft = undefined;
        return await (asked ? changed() : refresh());
      }
      current.text += event.text;
      renderDraft();
    }
    throw new Failure(brokenOff);
  } catch (error) {
    current.broken = true;
    if (id !== conversation) return;
    render();
    throw error;
  }
}

async function sendMessage() {
  const id = conversation;
  const text = box.value.trim();
  if (text === "") return;
  if (unsent?.text !== text) unsent = { id: crypto.randomUUID(), text };
  sending = true;
  renderSend();
  try {
    await call("POST", `/${id}/messages`, unsent);
    if (box.value.trim() === text) box.value = ""; // Otherwise it is the next message already.
    if (id === conversation) {
      unsent = draft = undefined;
      await changed();
    }
  } finally {
    sending = false;
    renderSend();
  }
  if (id === conversation) return readAnswer(true);
  // Another conversation was opened meanwhile. This one is answered all the same.
  await (await call("POST", `/${id}/answer`)).body?.cancel();
}

/** @param {Message} message */
function editMessage(message) {
  edited.value = message.text;
  editor.returnValue = "";
  editor.onclose = () => {
    if (editor.returnValue !== "save") return;
    act(async () => {
      await call("PUT", `/${conversation}/messages/${message.id}`, { text: edited.value });
      message.text = edited.value;
      await changed();
    });
  };
  editor.showModal();
}

/** @param {Message} message */
async function deleteMessage(message) {
  if (!confirm("Delete this message?")) return;
  await call("DELETE", `/${conversation}/messages/${message.id}`).catch((error) => {
    if (error.code !== "NOT_FOUND") throw error; // Otherwise it is gone, which was the wish.
  });
  messages = messages.filter((other) => other !== message);
  draft = undefined;
  await changed();
}

/** @param {string} id */
async function openConversation(id) {
  conversation = id;
  messages = [];
  before = draft = unsent = undefined;
  render();
  await refresh();
  await listConversations();
}

// ----------------------------------------------------------------------------------------------------------- the view

/**
 * @param {string} name
 * @param {string} text
 * @param {(() => unknown)} [onclick]
 */
function element(name, text, onclick) {
  const made = document.createElement(name);
  made.textContent = text;
  if (onclick) made.onclick = () => act(onclick);
  return made;
}

/**
 * @param {string} role
 * @param {(Node | string)[]} content
 */
function item(role, ...content) {
  const made = document.createElement("li");
  made.className = role;
  made.append(...content);
  return made;
}

const draftText = element("p", "");
const draftItem = item("assistant", draftText);

/** Keeps the end in view if it was. @param {() => void} change */
function keepingEnd(change) {
  const atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < nearMargin;
  change();
  if (atEnd) scroll.scrollTop = scroll.scrollHeight;
}

function renderDraft() {
  if (!draftItem.isConnected) return render();
  keepingEnd(() => {
    draftText.textContent = draft?.text ?? "";
  });
}

function render() {
  const items = messages.map((message) => {
    const edit = element("button", "Edit", () => editMessage(message));
    const remove = element("button", "Delete", () => deleteMessage(message));
    // Messages of other programs may have no id.
    return item(message.role, element("p", message.text), ...(message.id === undefined ? [] : [edit, remove]));
  });
  if (draft?.text) items.push(draftItem);
  draftText.textContent = draft?.text ?? "";
  const waits = messages.at(-1)?.role === "user" && (draft === undefined || draft.broken);
  if (waits) {
    const note = draft?.text ? "This answer was interrupted, and is not kept." : "This message has no answer.";
    items.push(
      item(
        "note",
        element("small", note),
        element("button", "Answer", () => readAnswer(true)),
      ),
    );
  }
  keepingEnd(() => list.replaceChildren(...items));
  older.hidden = before === undefined;
  renderSend();
}

function renderSend() {
  send.disabled = sending || (draft !== undefined && !draft.broken);
}

async function listConversations() {
  const conversations = await (await call("GET", "")).json();
  const links = conversations.map((/** @type {{ id: string; title: string }} */ { id, title }) => {
    const link = document.createElement("a");
    link.textContent = title || "…";
    link.href = `#${id}`;
    if (id === conversation) link.setAttribute("aria-current", "page");
    return item("conversation", link);
  });
  find("conversations", HTMLElement).replaceChildren(...links);
}

// ----------------------------------------------------------------------------------------------------------- it begins

/** Begins with the time, so that ids sort by it. */
const newId = () => `${Date.now().toString(36)}-${crypto.randomUUID()}`;

function openFromAddress() {
  const id = location.hash.slice(1);
  if (/^[\w-]{1,64}$/.test(id)) act(() => openConversation(id));
  else location.hash = newId(); // Comes back here.
}

channel.addEventListener("message", async ({ data }) => {
  if (data === conversation) await attempt(refresh);
  await attempt(listConversations);
});
window.onhashchange = openFromAddress;
// What happens on other devices is not announced here.
window.onfocus = () => attempt(refresh);
scroll.onscroll = () => {
  if (scroll.scrollTop < nearMargin) void attempt(readOlder);
};
older.onclick = () => act(readOlder);
find("new", HTMLButtonElement).onclick = () => {
  location.hash = newId();
};
find("form", HTMLFormElement).onsubmit = (event) => {
  event.preventDefault();
  act(sendMessage);
};
box.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (!send.disabled) act(sendMessage);
});
openFromAddress();
