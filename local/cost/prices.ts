import { readFileSync } from "node:fs";
import path from "node:path";
import { repositoryRoot } from "../tools/paths";
import { ToolError } from "../tools/tool-error";

/** AWS's list price of one unit. */
export interface Price {
  readonly usd: number;
  readonly unit: string;
  /** Name of the page, below `sources`. */
  readonly source?: string;
  /** False where no page of this region and of the last two years was found. */
  readonly verified?: boolean;
}

/** A page that gives prices, and the day of its figures. */
export interface Source {
  readonly page: string;
  readonly date: string;
  readonly note?: string;
}

/** The price file. */
export interface PriceFile {
  readonly region: string;
  /** The day on which the pages were read. */
  readonly read: string;
  readonly hoursPerMonth: number;
  /** Other regions: about how many times the prices. */
  readonly regions: Record<string, { readonly times: number }>;
  readonly sources: Record<string, Source>;
  readonly prices: Record<string, Price>;
  /** Types of resources that cost nothing by themselves. */
  readonly free: readonly string[];
}

export const PRICE_FILE = "local/cost/prices.json";

export function readPriceFile(): PriceFile {
  return JSON.parse(readFileSync(path.join(repositoryRoot, PRICE_FILE), "utf8")) as PriceFile;
}

/** The price of that name, such as `s3.STANDARD`. */
export function priceOf({ prices }: PriceFile, name: string): Price {
  const price = prices[name];
  if (price === undefined) throw new ToolError(`${PRICE_FILE} has no price "${name}": add it, with its page and date`);
  return price;
}
