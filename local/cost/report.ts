import { newTable, right } from "../tools/table";
import { ASSUMPTIONS, type Assumptions } from "./assumptions";
import { type Bill, type Charge, totalOf, usdOf } from "./bill";
import { chargesOf } from "./charges";
import { leversOf, purgeSaving } from "./levers";
import { PRICE_FILE, readPriceFile } from "./prices";
import { readEnvironment } from "./stacks";

const LEFT_OUT = `Left out: free tiers, taxes, data that leaves AWS or crosses endpoints, GETs, requests to KMS and
Secrets Manager, access logs`;

const usd = (amount: number): string => amount.toFixed(2);
const unverified = ({ price }: Charge): boolean => price.verified === false;

/** The cost of an environment in a month, as lines of at most 100 columns. */
export function costReport(outputFolder: string, environment: string, assumptions: Assumptions): string {
  const { region, resources } = readEnvironment(outputFolder, environment);
  const prices = readPriceFile();
  const bill: Bill = { prices, assumptions, resources };
  const charges = chargesOf(bill);
  const table = newTable(["Part", "Quantity", "USD a unit", "USD a month"]);
  for (const charge of charges) {
    const mark = unverified(charge) ? " ?" : "  ";
    table.push([charge.part, charge.how, right(`${charge.price.usd}${mark}`), right(usd(usdOf(charge)))]);
  }
  const total = totalOf(charges);
  table.push([`All, ${environment}`, "", "", right(usd(total))]);
  return [
    `${environment}: AWS's list prices of ${prices.region}, read ${prices.read}`,
    table.toString(),
    ...(charges.some(unverified)
      ? [`?  not confirmed for ${prices.region} by a page of the last two years: ${PRICE_FILE}`]
      : []),
    ...regionLines(region, prices.region, prices.regions[region]?.times, total),
    LEFT_OUT,
    "",
    "Assumed",
    ...Object.entries(ASSUMPTIONS).map(
      ([name, { text }]) => `  --${name} ${assumptions[name as keyof Assumptions].toLocaleString("en")}: ${text}`,
    ),
    "",
    "Three levers, each by itself (USD a month less)",
    ...leversOf(bill).map((lever) => `  ${usd(lever.usd).padStart(7)}  ${lever.change}`),
    "",
    ...purgeLines(bill),
  ].join("\n");
}

function regionLines(region: string, priced: string, times: number | undefined, total: number): string[] {
  if (region === priced) return [];
  const there =
    times === undefined
      ? "other prices"
      : `about ${times} times these prices (not confirmed), ${usd(total * times)} USD`;
  return [`The stacks are in ${region}: ${there}`];
}

function purgeLines(bill: Bill): string[] {
  const { rows } = bill.assumptions;
  const saving = purgeSaving(bill, rows);
  const fine = (amount: number): string => amount.toFixed(4).padStart(7);
  return [
    `A purge of ${rows.toLocaleString("en")} rows (USD a month)`,
    `  ${fine(-saving.rdsStorage)}  RDS storage: it never shrinks; the free space delays its growth`,
    `  ${fine(-saving.snapshots)}  snapshots: each later one is smaller`,
    `  ${fine(saving.archive)}  archive: one copy of the rows, kept for good`,
  ];
}
