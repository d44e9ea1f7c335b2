// Writes the pages of docs/ as the site has them, into src/content/docs: a title in front, links as addresses.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { base } from "./address.mjs";
import { descriptionOf } from "./description.mjs";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const target = path.join(root, "site", "src", "content", "docs");

/** Pages that stand outside of docs/, by the name that they get. */
const OTHER_PAGES = {
  "README.md": "index.md",
  "CHANGELOG.md": "changelog.md",
  "CONTRIBUTING.md": "contributing.md",
  "SECURITY.md": "security.md",
  "glue/README.md": "backup/package.md",
};
/** What docs/ has beside pages for people. */
const LEFT_OUT = /^api\/|\.(py|sh)$/;

/** Folders whose list of pages is made here: the repository's own list is the folder. */
const LISTS = { "docs/decisions": "Decisions", examples: "Examples" };

const posix = (file) => file.split(path.sep).join("/");

/** The page's place on the site, from its place in the repository; undefined for what is no page. */
function pageOf(file) {
  if (file in OTHER_PAGES) return OTHER_PAGES[file];
  const example = /^examples\/([\w-]+)\/README\.md$/.exec(file);
  if (example) return `examples/${example[1]}.md`;
  if (!file.startsWith("docs/") || LEFT_OUT.test(file.slice(5))) return undefined;
  return file.slice(5).replace(/README\.md$/, "index.md");
}

const addressOf = (page) => `${base}/${page.replace(/(^|\/)index\.md$/, "$1").replace(/\.md$/, "/")}`;

/**
 * Links as the site has them. A link to the source of an interface leads to its page of the API reference. The text of a link to a
 * file that is on no page stays, without the link: the site is read without the repository.
 */
function withAddresses(text, file) {
  return text.replace(/(!?)\[((?:[^\][]|\[[^\]]*\])*)\]\(([^)\s]+)\)/g, (link, image, label, destination) => {
    if (/^([a-z]+:|#)/.test(destination)) return link;
    const [place, anchor] = destination.split("#");
    let linked = posix(path.join(path.dirname(file), place));
    if (fs.existsSync(path.join(root, linked, "README.md"))) linked = posix(path.join(linked, "README.md"));
    if (linked in LISTS) return `[${label}](${base}/${path.basename(linked)}/)`;
    const declared = /^src\/.+\.ts$/.test(linked) && /^`(\w+)`$/.exec(label);
    if (declared) return `[${label}](${base}/reference/index/interfaces/${declared[1].toLowerCase()}/)`;
    const page = pageOf(linked);
    if (page === undefined) return label;
    // A picture leads to itself alone, where a reader can enlarge it.
    if (image) return `[![${label}](${base}/${page})](${base}/${page})`;
    if (!page.endsWith(".md")) return `[${label}](${base}/${page})`;
    return `[${label}](${addressOf(page)}${anchor === undefined ? "" : `#${anchor}`})`;
  });
}

const titleOf = (text) => /^# (.+)\n/.exec(text)?.[1].replaceAll("`", "");
/** A block of code at a page's very beginning keeps no indentation: it gets a fence. */
const withFence = (text) =>
  text.replace(/^\s*\n((?: {4}.*\n)+)/, (_, code) => `\`\`\`\n${code.replace(/^ {4}/gm, "")}\`\`\`\n`);

/** A page with what the site needs to know about it. */
function withData(title, page, text) {
  const data = {
    title,
    description: descriptionOf(text),
    // The group of the sidebar has the name of the folder's own page.
    ...(/\/index\.md$/.test(page) && { sidebar: { label: "Overview", order: 0 } }),
    // It names everything, and would be found before the page that explains it.
    ...(page === "changelog.md" && { pagefind: false }),
  };
  return `---\n${JSON.stringify(data)}\n---\n${text}`;
}

function writePage(file, page) {
  const to = page.endsWith(".md") ? path.join(target, page) : path.join(root, "site", "public", page);
  fs.mkdirSync(path.dirname(to), { recursive: true });
  if (!page.endsWith(".md")) return fs.copyFileSync(path.join(root, file), to);
  const text = fs.readFileSync(path.join(root, file), "utf8");
  const title = titleOf(text);
  if (title === undefined) throw new Error(`${file} begins without a title`);
  fs.writeFileSync(to, withData(title, page, withFence(withAddresses(text.replace(/^# .+\n/, ""), file))));
}

function writeList(folder, title, files) {
  const entries = files
    .filter((file) => file.startsWith(`${folder}/`))
    .map((file) => `- [${titleOf(fs.readFileSync(path.join(root, file), "utf8"))}](${addressOf(pageOf(file))})`);
  const page = `${path.basename(folder)}/index.md`;
  fs.writeFileSync(path.join(target, page), withData(title, page, entries.sort().join("\n")));
}

const filesOf = (folder) =>
  fs
    .readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => posix(path.relative(root, path.join(entry.parentPath, entry.name))));

/** A reader with an old address gets on from here. */
function writeNotFound() {
  const places = {
    "": "The package",
    "modules/": "The constructs",
    "runbook/": "The runbook",
    "first-deploy/": "The first deploy",
  };
  const entries = Object.entries(places).map(([place, label]) => `- [${label}](${base}/${place})`);
  const text = `No page has this address. Search for it, or begin at\n\n${entries.join("\n")}\n`;
  fs.writeFileSync(path.join(target, "404.md"), withData("Page not found", "404.md", text));
}

for (const folder of [target, path.join(root, "site", "public")]) fs.rmSync(folder, { recursive: true, force: true });
fs.cpSync(path.join(root, "site", "favicon.svg"), path.join(root, "site", "public", "favicon.svg"), {
  recursive: true,
});
const files = [...filesOf("docs"), ...filesOf("examples"), ...Object.keys(OTHER_PAGES)].filter(
  (file) => pageOf(file) !== undefined,
);
for (const file of files) writePage(file, pageOf(file));
for (const [folder, title] of Object.entries(LISTS)) writeList(folder, title, files);
writeNotFound();
