/* A browser for tests in other languages: a command a line of standard input, as JSON, its result a
 * line of standard output. Pages are named; the first use of a name opens one.
 *
 *   {"do": "goto", "page": "a", "url": "http://127.0.0.1:8080/"}     {"ok": {"status": 200}}
 *   {"do": "wait", "page": "a", "script": "document.title == 'x'"}   {"ok": true}
 *   {"do": "evaluate", ...}  {"do": "screenshot", ..., "path": ...}  {"error": "..."} */
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--hide-scrollbars"],
});
const context = await browser.newContext({ viewport: { width: 1040, height: 720 } });
context.setDefaultTimeout(60000);
const pages = new Map();

async function pageOf(name) {
  if (!pages.has(name)) {
    const page = await context.newPage();
    page.seen = { console: [], loads: 0, requests: [], framed: [] };
    page.on("console", (message) => page.seen.console.push(message.text()));
    page.on("load", () => page.seen.loads++);
    page.on("request", (request) => {
        const own = request.frame() === page.mainFrame();
        (own ? page.seen.requests : page.seen.framed).push(request.url());
    });
    pages.set(name, page);
  }
  return pages.get(name);
}

const commands = {
  async goto(page, { url }) {
    const response = await page.goto(url, { waitUntil: "domcontentloaded" });
    return { status: response.status() };
  },
  async wait(page, { script }) {
    // A page that is just being replaced cannot be asked: then the next one is.
    for (const end = Date.now() + 60000; ;) {
      try {
        await page.waitForFunction(script, null, { timeout: end - Date.now() });
        return true;
      } catch (error) {
        if (Date.now() > end || /Timeout/.test(error.message)) throw error;
      }
    }
  },
  evaluate: (page, { script }) => page.evaluate(script),
  click: (page, { selector }) => page.click(selector).then(() => true),
  front: (page) => page.bringToFront().then(() => true),
  seen: (page) => page.seen,
  async screenshot(page, { path, scheme = "light", full = false, width, height }) {
    await page.emulateMedia({ colorScheme: scheme });
    if (width) await page.setViewportSize({ width, height });
    await page.screenshot({ path, fullPage: full });
    return true;
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  let answer;
  try {
    answer = { ok: await commands[command.do](await pageOf(command.page), command) };
  } catch (error) {
    answer = { error: error.message };
  }
  console.log(JSON.stringify(answer));
}
await browser.close();
