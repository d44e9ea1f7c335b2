import assert from "node:assert/strict";
import { test } from "node:test";
import { base } from "../address.mjs";
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
