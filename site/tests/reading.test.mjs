// Looks at pages as readers do. ALL_PAGES=true takes every page in every look; by default, a page of each kind in two of the looks.
import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { base } from "../address.mjs";
import { launch, LOOKS, noBrowser, open } from "./browser.mjs";
import { pages } from "./built-site.mjs";

/** One page of each kind. */
const KINDS = [
  "/",
  "/first-deploy/",
  "/cost/",
  "/backup/bench/",
  "/runbook/instance-gone/",
  "/modules/data-lake-alarms/",
  "/decisions/",
  "/reference/index/classes/backupgluejob/",
  "/reference/index/interfaces/metadatadatabaseprops/",
];
const all = process.env.ALL_PAGES === "true";
const addresses = all ? [...pages.keys()] : KINDS.map((address) => `${base}${address}`);

/** What a page has that a reader meets as a fault. The sidebar is the same on every page. */
async function faultsOf(page, withSidebar) {
  const axe = new AxeBuilder({ page }).setLegacyMode(true); // the fast way for pages without frames
  const { violations } = await (withSidebar ? axe : axe.exclude("nav.sidebar")).analyze();
  const wide = await page.evaluate(() => document.scrollingElement.scrollWidth - window.innerWidth);
  return [
    ...violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(
        ({ id, nodes }) =>
          `${id}: ${nodes
            .map(({ target }) => target.join(" "))
            .slice(0, 3)
            .join(", ")}`,
      ),
    ...(wide > 0 ? [`${wide} px wider than the screen`] : []),
  ];
}

describe("a reader meets no fault", { skip: noBrowser }, () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser?.close());

  for (const { size, theme } of all ? LOOKS : [LOOKS[0], LOOKS[3]]) {
    test(`${size.width} px, ${theme}, ${addresses.length} pages`, async () => {
      const { page, missing, visit } = await open(browser, { size, theme });
      const faults = {};
      for (const [index, address] of addresses.entries()) {
        await visit(address);
        const found = await faultsOf(page, index === 0);
        if (found.length > 0) faults[address] = found;
      }
      assert.deepEqual({ faults, missing }, { faults: {}, missing: [] });
    });
  }
});
