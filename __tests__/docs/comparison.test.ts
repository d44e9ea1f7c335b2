import * as fs from "node:fs";
import * as path from "node:path";
import { withFigures } from "../../bench/comparison";
import type { BenchmarkRow } from "../../bench/load";

const root = path.join(__dirname, "..", "..");
const read = (file: string): string => fs.readFileSync(path.join(root, file), "utf8");

/** Tables without the widths that a formatter gives their columns. */
const unformatted = (text: string): string => text.replace(/ +/g, " ").replace(/-{3,}/g, "---");

const page = read("docs/comparison.md");

test("the figures of docs/comparison.md are those of bench/results.json", () => {
  const results = JSON.parse(read("bench/results.json")) as BenchmarkRow[];
  expect(unformatted(withFigures(page, results))).toBe(unformatted(page));
});

test("its figures of checkov and of cost are those of their pages", () => {
  const failed = [
    ...read("docs/policy-as-code.md").matchAll(/^\| (?:terraform-aws-modules|aws-cdk-lib).*\| +(\d+) \|$/gm),
  ];
  expect(page).toMatch(new RegExp(`checkov[^|]*\\| 0 +\\| ${failed.map(([, count]) => count).join(" +\\| ")} `));
  const costs = read("docs/cost.md");
  const costOf = (part: string) => new RegExp(`│ ${part}.*?([\\d.]+) │$`, "m").exec(costs)?.[1] ?? "";
  const endpoints = costOf("Interface endpoints");
  expect(page).toContain(`six interface endpoints cost ${endpoints} USD a month, more than all else in \`dev\``);
  expect(Number(endpoints)).toBeGreaterThan(Number(costOf("All, dev")) / 2);
});
