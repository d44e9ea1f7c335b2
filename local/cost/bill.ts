import type { Assumptions } from "./assumptions";
import type { Price, PriceFile } from "./prices";
import type { Resource } from "./stacks";

/** A line of the bill of a month. */
export interface Charge {
  readonly part: string;
  /** Units of the price. */
  readonly quantity: number;
  /** How the quantity comes about. */
  readonly how: string;
  readonly price: Price;
}

/** All that a charge depends on. */
export interface Bill {
  readonly prices: PriceFile;
  readonly assumptions: Assumptions;
  readonly resources: readonly Resource[];
}

export const usdOf = ({ quantity, price }: Charge): number => quantity * price.usd;
export const totalOf = (charges: readonly Charge[]): number => charges.reduce((sum, one) => sum + usdOf(one), 0);
