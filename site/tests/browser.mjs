// The built site in the machine's Chromium. No server: requests are answered from the folder.
import fs from "node:fs";
import { createRequire } from "node:module";
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

const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };

/** Desktop and phone, light and dark, in an order that changes one of them at a time. */
export const LOOKS = [
  { size: DESKTOP, theme: "light" },
  { size: DESKTOP, theme: "dark" },
  { size: PHONE, theme: "dark" },
  { size: PHONE, theme: "light" },
];

export const launch = () => chromium.launch({ executablePath, args: ["--no-sandbox"] });

const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** A page of the browser that visits addresses of the site; `missing` is what the site lacks. */
export async function open(browser) {
  const context = await browser.newContext({ reducedMotion: "reduce" });
  const missing = [];
  await context.addInitScript(axe);
  await context.route("**", (route) => {
    const file = fileOf(new URL(route.request().url()).pathname);
    if (file !== undefined) return route.fulfill({ path: file });
    missing.push(route.request().url());
    return route.fulfill({ status: 404, body: "" });
  });
  const page = await context.newPage();
  const visit = (address) => page.goto(`${ORIGIN}${address}`, { waitUntil: "load" });
  return { page, missing, visit };
}

/** Shows the page in a size and a theme, as when a reader turns the phone or the system's theme: without loading it again. */
export async function look(page, { size, theme }) {
  await page.setViewportSize(size);
  await page.emulateMedia({ colorScheme: theme });
  await page.waitForFunction((wanted) => document.documentElement.dataset.theme === wanted, theme);
  // Expressive Code lets the keyboard scroll a wide block once the page is idle.
  await page.waitForFunction(() =>
    [...document.querySelectorAll(".expressive-code pre")].every(
      (block) => block.scrollWidth <= block.clientWidth || block.hasAttribute("tabindex"),
    ),
  );
}
