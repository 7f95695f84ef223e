import { randomUUID } from "node:crypto";
import { type ChatMessageInput, textOf } from "@chatkeep/chat-store-core";
import { runningServer } from "@chatkeep/test-servers/vitest-servers";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { gate, startModel } from "./support/model.js";
import { startWeb } from "./support/programs.js";

const browserServer = runningServer("chromium");
const patience = { timeout: 30_000, interval: 50 };

let model: Awaited<ReturnType<typeof startModel>>;
let web: Awaited<ReturnType<typeof startWeb>>;
/** Who wrote a long conversation. */
const author = randomUUID();
const long = Array.from({ length: 1_000 }, (_, i): ChatMessageInput & { id: string } => ({
  role: i % 2 === 0 ? "user" : "assistant",
  content: `message ${i}`,
  id: `id-${i}`,
}));

beforeAll(async () => {
  model = await startModel();
  web = await startWeb(model.env, (store) => store.setMessages(`${author}/long`, long));
});

afterAll(async () => {
  await web.stop();
  model.close();
});

/** What is on disk at last: a page shows an answer a moment before it is kept. */
async function isKept(user: string, conversation: string, texts: readonly string[]): Promise<void> {
  const read = async () => (await web.read(`${user}/${conversation}`)).map(textOf);
  await expect.poll(read, patience).toEqual(texts);
}

describe.runIf(browserServer)("the page in Chromium", () => {
  let browser: Browser;
  let context: BrowserContext;

  beforeAll(async () => {
    browser = await chromium.connectOverCDP(browserServer!.url);
  });
  afterEach(() => context.close());
  afterAll(() => browser.close());

  /** A browser of a user's own. */
  async function browserOf(user: string): Promise<void> {
    context = await browser.newContext();
    context.setDefaultTimeout(patience.timeout);
    await context.addCookies([{ name: "user", value: user, url: web.url }]);
  }

  async function open(conversation: string): Promise<Page> {
    const page = await context.newPage();
    page.on("dialog", (dialog) => dialog.accept());
    await page.goto(`${web.url}/#${conversation}`);
    return page;
  }

  const textsIn = (page: Page) => page.locator("#messages p").allTextContents();
  const shows = (page: Page, texts: readonly string[]) => expect.poll(() => textsIn(page), patience).toEqual(texts);
  const problemIn = (page: Page) => page.locator("#problem:visible").textContent();

  async function say(page: Page, text: string): Promise<void> {
    await page.locator("#text").fill(text);
    await page.locator("#send").click();
  }

  it("shows one conversation in two tabs while it is written in one", async () => {
    const user = randomUUID();
    await browserOf(user);
    const one = await open("talk");
    const two = await open("talk");
    const { opened, open: goOn } = gate();
    model.script("The moon ", opened, "is far.");
    await say(one, "How far is the moon?");
    await shows(one, ["How far is the moon?", "The moon "]);
    await shows(two, ["How far is the moon?", "The moon "]);
    goOn();
    const first = ["How far is the moon?", "The moon is far."];
    await shows(one, first);
    await shows(two, first);

    model.script("Farther.");
    await say(two, "And the sun?");
    const all = [...first, "And the sun?", "Farther."];
    await shows(two, all);
    await shows(one, all);
    await isKept(user, "talk", all);
    expect(model.asked.at(-1)?.map(({ content }) => content)).toEqual(all.slice(0, 3));
    expect(await one.locator("#conversations a").allTextContents()).toEqual(["How far is the moon?"]);
  });

  it("goes on with an answer after a reload", async () => {
    const user = randomUUID();
    await browserOf(user);
    const page = await open("reload");
    const { opened, open: goOn } = gate();
    const before = model.asked.length;
    model.script("One, ", opened, "two.");
    await say(page, "Count.");
    await shows(page, ["Count.", "One, "]);
    await page.reload();
    await shows(page, ["Count.", "One, "]);
    goOn();
    await shows(page, ["Count.", "One, two."]);
    await page.reload();
    await shows(page, ["Count.", "One, two."]);
    expect(model.asked.length - before).toBe(1);
    await isKept(user, "reload", ["Count.", "One, two."]);
  });

  it("scrolls back through 1,000 messages", async () => {
    await browserOf(author);
    const page = await open("long");
    const texts = long.map(({ content }) => content as string);
    await shows(page, texts.slice(-50));
    await page.locator("#scroll").hover();
    const items = page.locator("#messages li");
    for (let count = 50; count < texts.length; ) {
      await page.mouse.wheel(0, -100_000);
      await expect.poll(() => items.count(), patience).toBeGreaterThan(count);
      const more = (await items.count()) - count;
      // Who read there goes on reading there: what was the oldest message is still in view.
      const place = (await items.nth(more).boundingBox())?.y ?? Number.NaN;
      const view = await page.locator("#scroll").boundingBox();
      expect(place).toBeGreaterThanOrEqual(view?.y ?? 0);
      expect(place).toBeLessThan((view?.y ?? 0) + (view?.height ?? 0));
      count += more;
    }
    expect(await textsIn(page)).toEqual(texts);
    expect(await page.locator("#older").isVisible()).toBe(false);
  });

  it("keeps the question when the server is killed in the middle of the answer", async () => {
    const user = randomUUID();
    await browserOf(user);
    const page = await open("killed");
    const { opened, open: goOn } = gate();
    model.script("It is ", opened, "never told.");
    await say(page, "What time is it?");
    await shows(page, ["What time is it?", "It is "]);
    await web.kill();
    goOn();
    expect(await problemIn(page)).toContain("INTERRUPTED");
    expect(await page.locator("#messages .note").textContent()).toContain("This answer was interrupted");
    await page.getByRole("button", { name: "Answer" }).click();
    await expect.poll(() => problemIn(page), patience).toContain("OFFLINE");
    await isKept(user, "killed", ["What time is it?"]);

    await web.restart();
    await page.reload();
    await shows(page, ["What time is it?"]);
    expect(await page.locator("#messages .note").textContent()).toContain("This message has no answer.");
    model.script("Half past ten.");
    await page.getByRole("button", { name: "Answer" }).click();
    await shows(page, ["What time is it?", "Half past ten."]);
    await isKept(user, "killed", ["What time is it?", "Half past ten."]);
  });

  it("says that the model broke off, keeps nothing of that, and asks it again", async () => {
    const user = randomUUID();
    await browserOf(user);
    const page = await open("broken");
    const { opened, open: goOn } = gate();
    model.script("Half of ", opened, null);
    await say(page, "What is it?");
    await shows(page, ["What is it?", "Half of "]);
    goOn();
    await expect.poll(() => problemIn(page), patience).toMatch(/^MODEL: /);
    await isKept(user, "broken", ["What is it?"]);
    model.script("All of it.");
    await page.getByRole("button", { name: "Answer" }).click();
    await shows(page, ["What is it?", "All of it."]);
    await isKept(user, "broken", ["What is it?", "All of it."]);
  });

  it("sends a message again whose reply was lost, across a restart of the server, and it is there once", async () => {
    const user = randomUUID();
    await browserOf(user);
    const page = await open("lost");
    await page.route("**/messages", async (route) => {
      if (route.request().method() === "POST") await route.fetch();
      await route.abort();
    });
    await say(page, "Once.");
    await expect.poll(() => problemIn(page), patience).toContain("OFFLINE");
    await page.unroute("**/messages");
    expect(await page.locator("#text").inputValue()).toBe("Once.");
    await isKept(user, "lost", ["Once."]);
    await web.kill();
    await web.restart();
    model.script("Only once.");
    await page.locator("#send").click();
    await shows(page, ["Once.", "Only once."]);
    await isKept(user, "lost", ["Once.", "Only once."]);
  });

  it("sends to the conversation that was open, and leaves alone what is typed meanwhile in another", async () => {
    const user = randomUUID();
    await browserOf(user);
    const page = await open("one");
    const { opened, open: goOn } = gate();
    await page.route("**/one/messages", async (route) => {
      if (route.request().method() === "POST") await opened;
      await route.continue();
    });
    model.script("For one.");
    await say(page, "One?");
    await page.goto(`${web.url}/#two`);
    await page.locator("#text").fill("Two?");
    await page.locator("#text").press("Enter");
    goOn();
    await isKept(user, "one", ["One?", "For one."]);
    await isKept(user, "two", []);
    expect(await page.locator("#text").inputValue()).toBe("Two?");
  });

  it("edits and deletes a message, and the other tab follows", async () => {
    const user = randomUUID();
    await browserOf(user);
    const one = await open("edit");
    const two = await open("edit");
    model.script("Yes.");
    await say(one, "Is it?");
    await shows(two, ["Is it?", "Yes."]);
    await one.locator("#messages li", { hasText: "Is it?" }).getByRole("button", { name: "Edit" }).click();
    await one.locator("#edited").fill("Is it really?");
    await one.getByRole("button", { name: "Save" }).click();
    await shows(one, ["Is it really?", "Yes."]);
    await shows(two, ["Is it really?", "Yes."]);
    await two.locator("#messages li", { hasText: "Yes." }).getByRole("button", { name: "Delete" }).click();
    await shows(two, ["Is it really?"]);
    await shows(one, ["Is it really?"]);
    await isKept(user, "edit", ["Is it really?"]);
  });

  it("shows HTML as the text that it is, whoever wrote it", async () => {
    const evil = `<img src="x" onerror="document.title='owned'"><script>document.title='owned'</script>`;
    await browserOf(randomUUID());
    const page = await open("html");
    model.script(evil);
    await say(page, evil);
    await shows(page, [evil, evil]);
    await expect.poll(() => page.locator("#conversations").textContent(), patience).toContain("<img");
    expect(await page.locator("img").count()).toBe(0);
    expect(await page.title()).toBe("Chat");
  });

  it("tells what failed by its code, and nothing more", async () => {
    const user = randomUUID();
    await browserOf(user);
    const page = await open("fails");
    model.script(401);
    await say(page, "Hello?");
    await expect.poll(() => problemIn(page), patience).toMatch(/^MODEL: /);
    expect(await page.content()).not.toContain("secret-of-the-server");
    await say(page, "long ".repeat(20_000));
    await expect.poll(() => problemIn(page), patience).toMatch(/^TOO_LARGE: /);
    await isKept(user, "fails", ["Hello?"]);
  });
});

describe("the server", () => {
  const ask = (path: string, init: RequestInit & { user?: string } = {}) => {
    const { user, ...request } = init;
    const headers = { ...(user === undefined ? {} : { cookie: `user=${user}` }), ...(init.headers as object) };
    return fetch(`${web.url}${path}`, { ...request, headers });
  };
  const codeOf = async (response: Response) => [response.status, ((await response.json()) as { code: string }).code];
  const post = (user: string, body: unknown) => ({ user, method: "POST", body: JSON.stringify(body) });
  const messages = "/api/conversations/long/messages";

  it("gives a stranger a cookie with the page, and nothing without one", async () => {
    const page = await ask("/");
    expect(page.headers.get("set-cookie")).toMatch(/^user=[0-9a-f-]{36}; HttpOnly; SameSite=Strict/);
    expect(page.headers.get("content-security-policy")).toContain("default-src 'self'");
    expect(await codeOf(await ask("/api/conversations"))).toEqual([401, "NO_USER"]);
  });

  it("shows a user no conversation of another's, whatever its name", async () => {
    const other = randomUUID();
    expect(await (await ask(messages, { user: author })).json()).toMatchObject({ answering: false });
    expect(await (await ask("/api/conversations", { user: other })).json()).toEqual([]);
    expect(await (await ask(messages, { user: other })).json()).toEqual({ messages: [], answering: false });
    for (const name of [`..%2F${author}%2Flong`, `${author}%2Flong`, "*", "", "a".repeat(65)]) {
      expect(await codeOf(await ask(`/api/conversations/${name}/messages`, { user: other }))).toEqual([
        404,
        "NOT_FOUND",
      ]);
    }
    for (const user of [`${author}/`, "..", "*", `${author},${author}`]) {
      expect(await codeOf(await ask(messages, { user }))).toEqual([401, "NO_USER"]);
    }
    for (const method of ["PUT", "DELETE"]) {
      const request = { user: other, method, body: JSON.stringify({ text: "mine" }) };
      expect(await codeOf(await ask(`${messages}/id-0`, request))).toEqual([404, "NOT_FOUND"]);
    }
    const { before } = (await (await ask(messages, { user: author })).json()) as { before: string };
    const with_ = `?before=${encodeURIComponent(before)}`;
    expect(await codeOf(await ask(messages + with_, { user: other }))).toEqual([400, "INVALID_ARGUMENT"]);
  });

  it("refuses what it does not know, and takes no more than it must", async () => {
    const user = randomUUID();
    for (const body of [null, 1, [], {}, { id: "a" }, { id: "../a", text: "x" }, { id: "a", text: " " }]) {
      expect(await codeOf(await ask(messages, post(user, body)))).toEqual([400, "BAD_REQUEST"]);
    }
    expect(await codeOf(await ask(messages, { user, method: "POST", body: "{" }))).toEqual([400, "BAD_REQUEST"]);
    const huge = { id: "a", text: "x".repeat(1_000_000) };
    expect(await codeOf(await ask(messages, post(user, huge)))).toEqual([413, "TOO_LARGE"]);
    const foreign = { ...post(user, { id: "a", text: "x" }), headers: { "sec-fetch-site": "cross-site" } };
    expect(await codeOf(await ask(messages, foreign))).toEqual([403, "FOREIGN"]);
    // Browsers send no Sec-Fetch-Site to plain HTTP.
    for (const origin of ["http://elsewhere.example", "http://127.0.0.1:1", "null"]) {
      const request = { ...post(user, { id: "a", text: "x" }), headers: { origin } };
      expect(await codeOf(await ask(messages, request))).toEqual([403, "FOREIGN"]);
    }
    expect(await codeOf(await ask("//", { user }))).toEqual([404, "NOT_FOUND"]);
    expect(await codeOf(await ask("/server.js", { user }))).toEqual([404, "NOT_FOUND"]);
    await isKept(user, "long", []);
  });

  it("keeps no message that a model can't be sent, and answers the longest that it keeps", async () => {
    const user = randomUUID();
    const put = (text: string) => ({ ...post(user, { text }), method: "PUT" });
    // Three tokens of cl100k, in three bytes.
    const longest = "\u{a015}".repeat(5_333);
    const headers = { origin: web.url };
    expect(await codeOf(await ask(messages, post(user, { id: "a", text: `${longest}ab` })))).toEqual([
      413,
      "TOO_LARGE",
    ]);
    expect((await ask(messages, { ...post(user, { id: "a", text: longest }), headers })).status).toBe(200);
    expect(await codeOf(await ask(`${messages}/a`, put(`${longest}ab`)))).toEqual([413, "TOO_LARGE"]);
    model.script("Long.");
    const events = await (await ask("/api/conversations/long/answer", post(user, {}))).text();
    expect(events).toContain('{"done":true}');
    await isKept(user, "long", [longest, "Long."]);
  });

  it("lets nothing change a conversation while it answers, and answers once", async () => {
    const user = randomUUID();
    const { opened, open } = gate();
    const before = model.asked.length;
    model.script("So ", opened, "it is.");
    expect((await ask(messages, post(user, { id: "a", text: "So?" }))).status).toBe(200);
    const answers = [
      ask("/api/conversations/long/answer", post(user, {})),
      ask("/api/conversations/long/answer", post(user, {})),
    ];
    await Promise.all(answers); // their heads
    expect(await codeOf(await ask(messages, post(user, { id: "b", text: "And?" })))).toEqual([409, "BUSY"]);
    expect(await codeOf(await ask(`${messages}/a`, { user, method: "DELETE" }))).toEqual([409, "BUSY"]);
    open();
    for (const answer of answers) {
      const events = (await (await answer).text())
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      expect(events.map(({ text }) => text ?? "").join("")).toBe("So it is.");
      expect(events.at(-1)).toEqual({ done: true });
    }
    expect(model.asked.length - before).toBe(1);
    await isKept(user, "long", ["So?", "So it is."]);
  });
});
