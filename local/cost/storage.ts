import type { Bill, Charge } from "./bill";
import { priceOf } from "./prices";
import { runsPerMonth } from "./schedule";
import { isScheduledTrigger, type Resource } from "./stacks";

const DAYS_PER_MONTH = 365 / 12;
/** Measured: docs/backup/scale.md. */
const MB_PER_MILLION_ROWS = 8.3;

/** A rule of a bucket's lifecycle. */
interface Rule {
  readonly id: string;
  readonly transition?: readonly { readonly days: number; readonly storage_class: string }[];
  readonly expiration?: readonly { readonly days: number }[];
}

/** Bytes of one snapshot, GB. */
export function snapshotGb(rows: number): number {
  return (rows / 1e6) * (MB_PER_MILLION_ROWS / 1000);
}

/** Snapshots that are kept after so many months, which the lifecycle may delete by their age. */
export function keptSnapshots({ resources, assumptions }: Bill): number {
  const trigger = resources.find(isScheduledTrigger);
  const perMonth = trigger ? runsPerMonth(String(trigger.config.schedule)) : 52 / 12;
  const days = ruleOf(resources, "snapshots")?.expiration?.[0]?.days ?? Infinity;
  return perMonth * Math.min(assumptions.months, days / DAYS_PER_MONTH);
}

/** Contents of the lake's bucket after so many months, by storage class; the other buckets hold a few kB. */
export function storageCharges(bill: Bill): Charge[] {
  const { prices, assumptions, resources } = bill;
  const gbPerMonth = (assumptions.predictions * assumptions["image-mb"]) / 1000;
  const transitions = [...(ruleOf(resources, "images")?.transition ?? [])];
  const classes = [{ days: 0, storage_class: "STANDARD" }, ...transitions];
  const images = classes.map(({ days, storage_class: name }, index): Charge => {
    const end = classes[index + 1]?.days ?? Infinity;
    const months = Math.max(0, Math.min(assumptions.months, end / DAYS_PER_MONTH) - days / DAYS_PER_MONTH);
    const gb = gbPerMonth * months;
    return { part: `Images, ${name}`, quantity: gb, how: `${gb.toFixed(1)} GB`, price: priceOf(prices, `s3.${name}`) };
  });
  const kept = keptSnapshots(bill);
  const gb = snapshotGb(assumptions.rows) * kept;
  return [
    ...images,
    {
      part: "Backups, STANDARD",
      quantity: gb,
      how: `${Math.round(kept)} × ${((gb / kept) * 1000).toFixed(1)} MB`,
      price: priceOf(prices, "s3.STANDARD"),
    },
    {
      part: "S3 PUTs of images",
      quantity: assumptions.predictions / 1000,
      how: assumptions.predictions.toLocaleString("en"),
      price: priceOf(prices, "s3.put"),
    },
  ];
}

function ruleOf(resources: readonly Resource[], id: string): Rule | undefined {
  return resources
    .filter(({ type }) => type === "aws_s3_bucket_lifecycle_configuration")
    .flatMap(({ config }) => config.rule as readonly Rule[])
    .find((rule) => rule.id === id);
}
