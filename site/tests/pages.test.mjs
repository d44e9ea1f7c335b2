import assert from "node:assert/strict";
import fs from "node:fs";
import { test } from "node:test";
import manifest from "../../package.json" with { type: "json" };
import { base, site } from "../address.mjs";
import { fileOf, pages } from "./built-site.mjs";

/** The links of a part of a page. */
const linksOf = (html) => [...html.matchAll(/<a [^>]*?href="([^"]+)"/g)].map(([, href]) => href);

test("every page is in the sidebar", () => {
  const [sidebar] = /<nav [^>]*class="sidebar[\s\S]*?<\/nav>/.exec(pages.get(`${base}/`));
  const listed = new Set(linksOf(sidebar));
  assert.ok(pages.size > 100);
  assert.deepEqual(
    [...pages.keys()].filter((address) => !listed.has(address)),
    [],
  );
});

test("every script, style, picture and font is there", () => {
  const used = new Set(
    [...pages.values()].flatMap((html) =>
      [...html.matchAll(/<(?:img|script|link) [^>]*?(?:src|href)="(\/[^"]+)"/g)].map(([, address]) => address),
    ),
  );
  assert.ok([...used].some((address) => address.endsWith(".svg")));
  assert.deepEqual(
    [...used].filter((address) => fileOf(address) === undefined),
    [],
  );
});

/** What pages have in common that each must have for itself. */
function shared(pattern) {
  const found = new Map();
  for (const [address, html] of pages) {
    const value = pattern.exec(html)?.[1];
    found.set(value, [...(found.get(value) ?? []), address]);
  }
  return [...found].filter(([value, addresses]) => value === undefined || addresses.length > 1);
}

test("every page has a title of its own", () => assert.deepEqual(shared(/<title>([^<]+)<\/title>/), []));

test("every page has a description, a list of pages or rows the site's", () => {
  const repeated = shared(/<meta name="description" content="([^"]+)"/);
  const lists = repeated.find(([description]) => description?.startsWith("Terraform CDK constructs for"))?.[1] ?? [];
  assert.ok(lists.length <= 3, lists.join(", "));
  assert.deepEqual(
    repeated.filter(([description]) => description === undefined),
    [],
  );
  const labelled = [...pages.values()].filter((html) => /<meta name="description" content="Context\./.test(html));
  assert.equal(labelled.length, 0, "a decision's label is no sentence");
});

test("every page tells its language", () => {
  assert.deepEqual(
    [...pages].filter(([, html]) => !/<html [^>]*lang="en"/.test(html)).map(([address]) => address),
    [],
  );
});

test("the sidebar of the start page opens no group within a group, and names no page as its group", () => {
  const [sidebar] = /<nav [^>]*class="sidebar[\s\S]*?<\/nav>/.exec(pages.get(`${base}/`));
  let depth = 0;
  const openInside = [];
  for (const [tag] of sidebar.matchAll(/<\/?details[^>]*>/g)) {
    if (tag.startsWith("</")) depth -= 1;
    else if (depth++ > 0 && /\sopen\b/.test(tag)) openInside.push(tag);
  }
  assert.deepEqual(openInside, []);
  const groups = [...sidebar.matchAll(/<span class="[^"]*large[^"]*"[^>]*>([^<]+)</g)].map(([, label]) => label.trim());
  const names = [...sidebar.matchAll(/<a [^>]*>\s*<span[^>]*>([^<]+)</g)].map(([, label]) => label.trim());
  assert.ok(groups.length > 8);
  assert.deepEqual(
    names.filter((name) => groups.includes(name)),
    [],
  );
});

test("every page tells the package's version, and where its repository is known, the address", () => {
  const repository = manifest.repository?.url.replace(/^git\+|\.git$/g, "");
  const unknown = [...pages].filter(
    ([, html]) => !html.includes(`>${manifest.version}<`) || (repository && !linksOf(html).includes(repository)),
  );
  assert.deepEqual(
    unknown.map(([address]) => address),
    [],
  );
});

test("an address without a page leads on", () => {
  const links = linksOf(
    fs.readFileSync(fileOf(`${base}/404.html`), "utf8").replace(/<(nav|header)[\s\S]*?<\/\1>/g, ""),
  );
  for (const place of ["/", "/modules/", "/runbook/"]) assert.ok(links.includes(`${base}${place}`), place);
});

test("every page names its address", { skip: site === undefined && "the package has no homepage" }, () => {
  const sitemap = fs.readFileSync(fileOf(`${base}/sitemap-0.xml`), "utf8");
  assert.deepEqual(
    [...pages].filter(
      ([address, html]) =>
        !html.includes(`<link rel="canonical" href="${site}${address}"`) ||
        !html.includes(`<meta property="og:url" content="${site}${address}"`) ||
        !sitemap.includes(`<loc>${site}${address}</loc>`),
    ),
    [],
  );
});
