import { chromium } from "playwright-core";
import { describe, expect, it } from "vitest";
import { startChromium } from "../src/index.js";
import { runningServer } from "../src/vitest-servers.js";

const shared = runningServer("chromium");

describe.runIf(shared)("the Chromium of the run", () => {
  it("runs scripts and has a font", async () => {
    const browser = await chromium.connectOverCDP(shared!.url);
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.setContent("<span>wide</span><script>document.title = [1, 2].at(-1)</script>");
    expect(await page.title()).toBe("2");
    expect(await page.evaluate("document.querySelector('span').getBoundingClientRect().width")).toBeGreaterThan(10);
    await context.close();
    await browser.close();
  });
});

describe.runIf(shared?.own)("a Chromium of one's own", () => {
  it("listens on loopback, and stops", async () => {
    const server = await startChromium();
    expect(server.host).toBe("127.0.0.1");
    expect(await (await fetch(`${server.url}/json/version`)).json()).toMatchObject({ "Protocol-Version": "1.3" });
    await server.stop();
    expect(() => process.kill(server.pid, 0)).toThrow("ESRCH");
  });
});
