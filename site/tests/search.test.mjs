import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { base } from "../address.mjs";
import { launch, noBrowser, open } from "./browser.mjs";

/** The first page that a search finds. */
const FOUND = {
  DataLakeBucket: "/modules/data-lake-bucket/",
  restore: "/runbook/purge-or-restore-failed/",
  OIDC: "/modules/github-actions-role/",
  erase: "/modules/erase-glue-job/",
  "automated backups kept the instance is gone": "/runbook/instance-gone/",
};

describe("the search finds first", { skip: noBrowser }, () => {
  let browser, page;
  before(async () => {
    browser = await launch();
    const opened = await open(browser);
    page = opened.page;
    await opened.visit(`${base}/`);
    await page.getByRole("button", { name: "Search" }).click();
  });
  after(() => browser?.close());

  for (const [words, address] of Object.entries(FOUND)) {
    test(`${words}: ${address}`, async () => {
      await page.getByPlaceholder("Search").fill(words);
      await page.getByText(`for ${words}`).waitFor();
      const first = page.locator("dialog .pagefind-ui__result a[href]").first();
      await first.waitFor();
      assert.equal((await first.getAttribute("href")).replace(/#.*/, ""), `${base}${address}`);
    });
  }
});
