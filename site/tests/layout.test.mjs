// The form of pages on a phone and on a desktop, where axe has no rule for it.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { base } from "../address.mjs";
import { launch, look, LOOKS, noBrowser, open } from "./browser.mjs";

const [desktop, desktopDark, , phone] = LOOKS;

describe("a page's form", { skip: noBrowser }, () => {
  let browser, page, visit;
  before(async () => {
    browser = await launch();
    ({ page, visit } = await open(browser));
  });
  after(() => browser?.close());

  async function show(address, as) {
    await visit(`${base}${address}`);
    await look(page, as);
  }

  test("titles stand above their headings", async () => {
    await show("/comparison/", desktop);
    for (const as of LOOKS) {
      await look(page, as);
      const [title, heading] = await page.evaluate(() =>
        ["h1", ".sl-markdown-content h2"].map((one) =>
          parseFloat(window.getComputedStyle(document.querySelector(one)).fontSize),
        ),
      );
      assert.ok(title > heading * 1.15, `${as.size.width} px: ${title} px above ${heading} px`);
    }
  });

  test("props are read on a phone without scrolling, and are a table to a screen reader", async () => {
    await show("/reference/index/interfaces/metadatadatabaseprops/", phone);
    const rows = await page.evaluate(() =>
      [...document.querySelectorAll(".sl-markdown-content td:nth-child(3)")].map((cell) =>
        cell.getBoundingClientRect(),
      ),
    );
    assert.ok(rows.length > 20);
    assert.deepEqual(
      rows.filter(({ left, right, width }) => left < 0 || right > phone.size.width || width < 300),
      [],
    );
    const session = await page.context().newCDPSession(page);
    const { nodes } = await session.send("Accessibility.getFullAXTree");
    const roles = nodes.map(({ role }) => role?.value);
    assert.ok(roles.filter((role) => role === "row").length > rows.length);
    assert.equal(roles.filter((role) => role === "columnheader").length, 3);
  });

  for (const address of ["/runbook/instance-gone/", "/first-deploy/"]) {
    test(`commands are read on a phone without scrolling, each option in one piece: ${address}`, async () => {
      await show(address, phone);
      const { wide, split } = await page.evaluate(() => {
        const range = document.createRange();
        const split = [];
        const blocks = [...document.querySelectorAll("pre")];
        for (const line of blocks.flatMap((block) => [...block.querySelectorAll(".ec-line .code")])) {
          const walker = document.createTreeWalker(line, 4); // text
          while (walker.nextNode()) {
            for (const { index, 0: option } of walker.currentNode.data.matchAll(/(?<![^\s])--[\w-]*/g)) {
              range.setStart(walker.currentNode, index);
              range.setEnd(walker.currentNode, index + option.length);
              const lines = new Set([...range.getClientRects()].map(({ top }) => top)).size;
              if (lines > 1 && option.length < 30) split.push(option); // a longer one may not fit
            }
          }
        }
        return {
          wide: blocks.filter((block) => block.scrollWidth > block.clientWidth).map((block) => block.textContent),
          split,
        };
      });
      assert.deepEqual({ wide, split }, { wide: [], split: [] });
    });
  }

  test("a table drawn by a command keeps its columns on a phone", async () => {
    await show("/cost/", phone);
    const heights = await page.evaluate(() => [
      ...new Set(
        [...document.querySelectorAll("pre:has(.ec-line)")]
          .filter((block) => block.textContent.includes("│"))
          .flatMap((block) => [...block.querySelectorAll(".ec-line")].map((line) => Math.round(line.offsetHeight))),
      ),
    ]);
    assert.equal(heights.length, 1);
  });

  test("a table that scrolls keeps its first column in sight", async () => {
    await show("/comparison/", phone);
    const { before, after, scrolled } = await page.evaluate(() => {
      const table = document.querySelector(".sl-markdown-content table");
      const left = () => table.querySelector("tbody td").getBoundingClientRect().left;
      const before = left();
      table.scrollLeft = 200;
      return { before, after: left(), scrolled: table.scrollLeft };
    });
    assert.deepEqual({ after, scrolled }, { after: before, scrolled: 200 });
  });

  test("a drawing is dark in the dark, and leads to itself", async () => {
    await show("/architecture/", desktopDark);
    const { light, leadsTo } = await page.evaluate(() => {
      const image = document.querySelector(".sl-markdown-content img");
      const context = document.createElement("canvas").getContext("2d");
      context.filter = window.getComputedStyle(image).filter;
      context.drawImage(image, 0, 0, 300, 150);
      return {
        light: Math.max(...context.getImageData(0, 0, 1, 1).data.slice(0, 3)),
        leadsTo: image.closest("a")?.getAttribute("href") === image.getAttribute("src"),
      };
    });
    assert.ok(light < 64, `its corner is ${light} of 255`);
    assert.ok(leadsTo);
  });

  test("the first key leads past the navigation, and shows where it is", async () => {
    await show("/architecture/", desktop);
    await page.keyboard.press("Tab");
    const skip = page.getByRole("link", { name: "Skip to content" });
    assert.ok(
      await skip.evaluate((link) => link === document.activeElement && link.getBoundingClientRect().width > 50),
    );
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    const { inside, outline } = await page.evaluate(() => ({
      inside: document.activeElement.closest("main") !== null,
      outline: window.getComputedStyle(document.activeElement).outlineStyle,
    }));
    assert.ok(inside);
    assert.notEqual(outline, "none");
  });
});
