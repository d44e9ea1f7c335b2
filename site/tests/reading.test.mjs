// Looks at pages as readers do, on a desktop and on a phone, in light and in dark: a page of each kind; ALL_PAGES=true takes every page.
import assert from "node:assert/strict";
import os from "node:os";
import { after, before, describe, test } from "node:test";
import { base } from "../address.mjs";
import { launch, look, LOOKS, noBrowser, open } from "./browser.mjs";
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
const addresses = process.env.ALL_PAGES === "true" ? [...pages.keys()] : KINDS.map((address) => `${base}${address}`);

/** What a page has that a reader meets as a fault. */
const faultsOf = (page) =>
  page.evaluate(async () => {
    const { violations } = await window.axe.run({ resultTypes: ["violations"], iframes: false });
    const wide = document.scrollingElement.scrollWidth - window.innerWidth;
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
  });

/** The sidebar is the same on every page, and holds most of its elements: it is looked at once. */
const emptySidebar = (page) =>
  page.evaluate(() => document.querySelector("nav.sidebar .sidebar-content")?.replaceChildren());

describe("a reader meets no fault", { skip: noBrowser }, () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser?.close());

  test(`${addresses.length} pages in ${LOOKS.length} looks`, async () => {
    const faults = {};
    const lacking = [];
    let looks = 0;
    const left = [...addresses.entries()];
    async function read() {
      const { page, missing, visit } = await open(browser);
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const [index, address] = next;
        await visit(address);
        if (index > 0) await emptySidebar(page);
        for (const { size, theme } of LOOKS) {
          await look(page, { size, theme });
          const found = await faultsOf(page);
          if (found.length > 0) faults[`${address} ${size.width} ${theme}`] = found;
          looks += 1;
        }
      }
      lacking.push(...missing);
    }
    await Promise.all(Array.from({ length: os.availableParallelism() + 1 }, read));
    assert.deepEqual({ faults, lacking }, { faults: {}, lacking: [] });
    assert.equal(looks, addresses.length * LOOKS.length);
  });
});
