import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { stripVTControlCharacters } from "node:util";
import { defaultAssumptions } from "../../local/cost/assumptions";
import { withReports } from "../../local/cost/page";
import { priceOf, readPriceFile } from "../../local/cost/prices";
import { costReport } from "../../local/cost/report";

const root = path.join(__dirname, "..", "..");
const output = fs.mkdtempSync(path.join(os.tmpdir(), "cost-"));
const assumptions = defaultAssumptions();
const read = (page: string): string => fs.readFileSync(path.join(root, page), "utf8");

beforeAll(() => {
  const { PATH } = process.env;
  execFileSync(process.execPath, ["dist/main.js"], { cwd: root, env: { PATH, CDKTF_OUTDIR: output }, stdio: "ignore" });
});
afterAll(() => fs.rmSync(output, { recursive: true }));

test("docs/cost.md has the bills of dev and prod as they are now (npm run cost -- --write)", () => {
  const page = read("docs/cost.md");
  expect([...page.matchAll(/<!-- cost of (\S+) -->/g)].map(([, name]) => name)).toEqual(["dev", "prod"]);
  expect(withReports(page, output, assumptions)).toBe(page);
});

test.each(["local", "dev", "prod"])("the bill of %s fits into 100 columns and has three levers", (environment) => {
  const report = costReport(output, environment, assumptions);
  expect(Math.max(...report.split("\n").map((line) => stripVTControlCharacters(line).length))).toBeLessThanOrEqual(100);
  expect(report.split("month less)\n")[1]?.split("\n\n")[0]?.split("\n")).toHaveLength(3);
});

test("an environment that is not there is named with those that are", () => {
  expect(() => costReport(output, "stage", assumptions)).toThrow(
    'there is no environment "stage": use one of dev, local, prod',
  );
});

/** Each figure that a page may give, as it follows from the file of prices. */
function figures(): string[] {
  const file = readPriceFile();
  const usd = (name: string): number => priceOf(file, name).usd;
  const month = file.hoursPerMonth;
  const endpoint = usd("vpc.endpoint") * month;
  const instance = usd("ec2.t4g.nano") * month;
  const disk = 8 * usd("ebs.gp3");
  const run = (2 * 5 * usd("glue.STANDARD")) / 60;
  return [
    endpoint.toFixed(2),
    ...[2, 6, 12].map((count) => (count * endpoint).toFixed(2)),
    (usd("vpc.nat") * month).toFixed(2),
    instance.toFixed(2),
    disk.toFixed(2),
    (instance + disk).toFixed(2),
    (2 * endpoint + instance + disk).toFixed(2),
    ((2 * endpoint + instance + disk) / month).toFixed(3),
    run.toFixed(2),
    (52 * run).toFixed(2),
    ...[1, 5, 6, 7, 8, 9, 10, 11, 12].map((count) => (count * usd("cloudwatch.alarm")).toFixed(2)),
    usd("secretsmanager.secret").toFixed(2),
    usd("cloudtrail.dataEvents").toFixed(2),
    ...["glue.STANDARD", "kms.key", "athena.scanned", "vpc.ipv4", "s3.put", "cloudwatch.dashboard"].map((name) =>
      String(usd(name)),
    ),
    usd("cloudwatch.metric").toFixed(2),
  ];
}

test("every figure in USD of the other pages comes from the file of prices", () => {
  const pages = fs
    .readdirSync(path.join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md") && file !== "cost.md")
    .map((file) => path.join("docs", file));
  const allowed = figures();
  const found = ["README.md", ...pages].flatMap((page) =>
    [...read(page).matchAll(/([\d.,]*\d)\s+(?:USD|cents|dollars)|(?:USD|\$)\s*(\d[\d.,]*)/g)].map((match) => ({
      page,
      figure: match[1] ?? match[2] ?? "",
    })),
  );
  expect(found.length).toBeGreaterThan(15);
  expect(found.filter(({ figure }) => !allowed.includes(figure))).toEqual([]);
});

test("the parts of a bastion's cost add up", () => {
  const rows = read("docs/modules/database-bastion.md")
    .split("\n")
    .filter((line) => /\| +[\d.]+ +\|$/.test(line));
  const [all = 0, ...parts] = rows.map((row) => Number(row.split("|").at(-2))).reverse();
  expect(parts).toHaveLength(4);
  expect(parts.reduce((sum, part) => sum + part, 0)).toBeCloseTo(all, 6);
  for (const figure of [all, ...parts].filter((part) => part > 0)) expect(figures()).toContain(figure.toFixed(2));
});
