// The built site in the machine's Chromium. No server: requests are answered from the folder.
import fs from "node:fs";
import path from "node:path";
import { chromium } from "playwright-core";
import { fileOf } from "./built-site.mjs";

const ORIGIN = "http://site.invalid";

const executablePath = ["chromium", "chromium-browser", "google-chrome"]
  .flatMap((name) => process.env.PATH.split(path.delimiter).map((folder) => path.join(folder, name)))
  .find((file) => fs.existsSync(file));

/** The reason for which pages cannot be looked at here, or false. */
export const noBrowser =
  executablePath === undefined &&
  "no Chromium on this machine (chromium or google-chrome on PATH): no page is looked at";

/** Desktop and phone, light and dark. */
export const LOOKS = [
  { width: 1280, height: 900 },
  { width: 390, height: 844 },
].flatMap((size) => ["light", "dark"].map((theme) => ({ size, theme })));

export const launch = () => chromium.launch({ executablePath, args: ["--no-sandbox"] });

/** A page of the browser in a size and a theme, that visits addresses of the site; `missing` is what the site lacks. */
export async function open(browser, { size, theme }) {
  const context = await browser.newContext({ viewport: size, colorScheme: theme, reducedMotion: "reduce" });
  const missing = [];
  await context.route("**", (route) => {
    const file = fileOf(new URL(route.request().url()).pathname);
    if (file !== undefined) return route.fulfill({ path: file });
    missing.push(route.request().url());
    return route.fulfill({ status: 404, body: "" });
  });
  const page = await context.newPage();
  async function visit(address) {
    await page.goto(`${ORIGIN}${address}`, { waitUntil: "load" });
    // Expressive Code lets the keyboard scroll a wide block once the page is idle.
    await page.waitForFunction(() =>
      [...document.querySelectorAll(".expressive-code pre")].every(
        (block) => block.scrollWidth <= block.clientWidth || block.hasAttribute("tabindex"),
      ),
    );
  }
  return { page, missing, visit };
}
