// Prints the weight of the site's pages, as a browser that has nothing in its cache loads them: compressed, as servers send text.
import fs from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { fileOf, pages } from "./tests/built-site.mjs";

const KINDS = ["html", "css", "js", "fonts", "pictures"];
const KIND_OF = {
  ".css": "css",
  ".js": "js",
  ".woff2": "fonts",
  ".svg": "pictures",
  ".png": "pictures",
  ".webp": "pictures",
};
const COMPRESSED_ALREADY = [".woff2", ".png", ".webp"];

const bytes = new Map();
function bytesOf(file) {
  if (!bytes.has(file)) {
    const content = fs.readFileSync(file);
    bytes.set(file, COMPRESSED_ALREADY.includes(path.extname(file)) ? content.length : gzipSync(content).length);
  }
  return bytes.get(file);
}

/** Files that a page or style names: by src or href of what is no link, by url(), by import. */
const NAMES =
  /<(?:img|script|link) [^>]*?(?:src|href)="(\/[^"]+)"|url\(["']?(\/[^"')]+)|(?:from|import)\s*["'](\.[^"']+\.js)["']/g;

/** All that a page loads at once; search loads its index when a reader opens it. */
function filesOf(html, from = "/", found = new Set()) {
  for (const [, tag, url, module] of html.matchAll(NAMES)) {
    const file = fileOf(tag ?? url ?? path.posix.join(from, module));
    if (file === undefined || found.has(file) || !(path.extname(file) in KIND_OF)) continue;
    found.add(file);
    if (/\.(css|js)$/.test(file))
      filesOf(fs.readFileSync(file, "utf8"), path.posix.dirname(tag ?? module ?? "/"), found);
  }
  return found;
}

function weigh([address, html]) {
  const weights = { html: gzipSync(html).length, css: 0, js: 0, fonts: 0, pictures: 0 };
  for (const file of filesOf(html)) weights[KIND_OF[path.extname(file)]] += bytesOf(file);
  return { address, ...weights, all: Object.values(weights).reduce((sum, value) => sum + value) };
}

const weighed = [...pages].map(weigh).sort((a, b) => a.all - b.all);
const shown = { lightest: weighed[0], median: weighed[weighed.length >> 1], heaviest: weighed[weighed.length - 1] };
console.log(`${pages.size} pages; KB of a page, compressed`);
console.table(
  Object.fromEntries(
    Object.entries(shown).map(([name, weight]) => [
      name,
      Object.fromEntries(
        ["address", ...KINDS, "all"].map((key) => [
          key,
          key === "address" ? weight[key] : Math.round(weight[key] / 100) / 10,
        ]),
      ),
    ]),
  ),
);
