import { startChromium } from "@chatkeep/test-servers";
import { chromium } from "playwright-core";
import { bundle } from "./bundle.js";
import type { Report } from "./report.js";
import type { StoreName } from "./stores.js";

/** A page that nothing serves: what it asks for is answered here. */
const ORIGIN = "http://localhost";

/** In a page of a headless browser. */
export async function inChromium(project: string, store: StoreName, connection: object): Promise<Report> {
  const script = await bundle(project, "page-entry.mjs", store, ["browser"]);
  const server = await startChromium();
  try {
    const browser = await chromium.connectOverCDP(server.url);
    const page = await browser.newPage();
    await page.route(`${ORIGIN}/**`, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html>" }));
    await page.goto(ORIGIN);
    await page.addScriptTag({ content: script, type: "module" });
    const report = await page.evaluate((given) => globalThis.runKitOn(given), connection);
    await browser.close();
    return { version: browser.version(), ...report };
  } finally {
    await server.stop();
  }
}

declare global {
  /** What the script puts into the page. */
  var runKitOn: (connection: object) => Promise<Omit<Report, "version">>;
}
