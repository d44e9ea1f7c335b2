// Looks at pages as readers do: a page of each kind, on a desktop in light and on a phone in dark. ALL_PAGES=true takes every page so,
// and those of each kind in the two other looks, too.
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
  "/comparison/",
  "/backup/bench/",
  "/runbook/instance-gone/",
  "/modules/data-lake-alarms/",
  "/decisions/",
  "/reference/index/classes/backupgluejob/",
  "/reference/index/interfaces/metadatadatabaseprops/",
];
const kinds = KINDS.map((address) => `${base}${address}`);
const all = process.env.ALL_PAGES === "true";
const [desktopLight, desktopDark, phoneLight, phoneDark] = LOOKS;
const visits = [desktopLight, phoneDark].map((look) => [look, all ? [...pages.keys()] : kinds]);
if (all) visits.push([desktopDark, kinds], [phoneLight, kinds]);

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

  for (const [{ size, theme }, addresses] of visits) {
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

  test("the search finds a page by its words", async () => {
    const { page, visit } = await open(browser, desktopLight);
    await visit(`${base}/`);
    await page.getByRole("button", { name: "Search" }).click();
    await page.getByPlaceholder("Search").fill("automated backups kept the instance is gone");
    await page.locator(`dialog a[href^="${base}/runbook/instance-gone/"]`).first().waitFor();
  });
});
