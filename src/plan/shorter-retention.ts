import { filled } from "./filled";
import type { Attributes } from "./stateful-resources";

/**
 * The loss that a change in place means: AWS deletes what is older than a retention that gets shorter.
 *
 * @param newBuckets names of the buckets that the same plan makes, which hold nothing yet
 */
export function lossByChange(
  type: string,
  before: Attributes,
  after: Attributes,
  newBuckets: ReadonlySet<unknown>,
): string | undefined {
  if (type === "aws_db_instance" || type === "aws_rds_cluster") return lostBackups(before, after);
  if (type === "aws_cloudwatch_log_group") return lostEntries(before, after);
  if (type !== "aws_s3_bucket_lifecycle_configuration") return undefined;
  const bucket = after["bucket"];
  // A name that is not known yet is a new bucket's; one that the code chooses is known before.
  if (bucket === undefined || newBuckets.has(bucket)) return undefined;
  const old = expiries(before["bucket"] === bucket ? before : {});
  const isKept = ({ of, keeps }: Expiry): boolean =>
    old.some((one) => one.of === of && keeps.every((kept, index) => kept >= (one.keeps[index] ?? Infinity)));
  return expiries(after).every(isKept) ? undefined : "objects that a rule expires sooner than before, or anew";
}

function lostBackups(before: Attributes, after: Attributes): string | undefined {
  const days = Number(after["backup_retention_period"] ?? 0);
  return days < Number(before["backup_retention_period"] ?? 0)
    ? `the automated backups of more than ${days} days`
    : undefined;
}

/** Entries of a log that a destroy leaves, as the database's audit log; those of a program may go. Zero days are for ever. */
function lostEntries(before: Attributes, after: Attributes): string | undefined {
  const days = Number(after["retention_in_days"]) || Infinity;
  const isKept = before["skip_destroy"] === true;
  return isKept && days < (Number(before["retention_in_days"]) || Infinity)
    ? `the log's entries of more than ${days} days`
    : undefined;
}

/** An enabled rule that deletes. */
interface Expiry {
  /** Objects that it is for, with the date where it has one. */
  readonly of: string;
  /** Days that it keeps an object, days that it keeps an older version, and number of older versions that it keeps. */
  readonly keeps: readonly number[];
}

type Block = Readonly<Record<string, unknown>>;
const firstOf = (blocks: unknown): Block | undefined => (Array.isArray(blocks) ? (blocks as Block[])[0] : undefined);

function expiries({ rule }: Attributes): Expiry[] {
  const rules = Array.isArray(rule) ? (rule as Block[]) : [];
  return rules.flatMap(({ status, filter, prefix, expiration, noncurrent_version_expiration: older }) => {
    const { days, date } = firstOf(expiration) ?? {};
    const versions = firstOf(older);
    const keeps = [
      filled(date) === undefined ? Number(days) || Infinity : 0,
      versions === undefined ? Infinity : Number(versions["noncurrent_days"]),
      versions === undefined ? Infinity : Number(versions["newer_noncurrent_versions"]),
    ];
    const deletes = status === "Enabled" && keeps.some((kept) => kept < Infinity);
    return deletes ? [{ of: JSON.stringify([filled(filter), filled(prefix), filled(date)]), keeps }] : [];
  });
}
