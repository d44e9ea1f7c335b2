import type { IConstruct } from "constructs";
import { Token } from "cdktf";
import { ValidationError } from "../common/validation-error";

const MONTHS = "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC";
const DAYS = "SUN|MON|TUE|WED|THU|FRI|SAT";

/** A field of a cron expression: values, ranges of them and steps, with commas between, or a field of its own. */
function field(value: string, alone = String.raw`\*`): RegExp {
  const range = `(?:${value})(?:-(?:${value}))?`;
  const step = String.raw`(?:/[1-9]\d*)?`;
  return new RegExp(String.raw`^(?:${alone}|(?:\*|${range})${step}(?:,${range}${step})*)$`);
}

const MINUTE = "[0-5]?[0-9]";
const HOUR = "[01]?[0-9]|2[0-3]";
const DAY_OF_MONTH = "0?[1-9]|[12][0-9]|3[01]";
const MONTH = `0?[1-9]|1[0-2]|${MONTHS}`;
const DAY_OF_WEEK = `[1-7]|${DAYS}`;

const FIELDS = [
  field(MINUTE),
  field(HOUR),
  field(DAY_OF_MONTH, String.raw`\?|\*|L|(?:${DAY_OF_MONTH})W`),
  field(MONTH),
  field(DAY_OF_WEEK, String.raw`\?|\*|L|(?:${DAY_OF_WEEK})(?:L|#[1-5])`),
  field("19[7-9][0-9]|20[0-9][0-9]|21[0-9][0-9]"),
];

/**
 * Throws unless `schedule` is a cron expression as Glue takes it: six fields, and a question mark for one of the two
 * days.
 *
 * @see https://docs.aws.amazon.com/glue/latest/dg/monitor-data-warehouse-schedule.html
 */
export function checkSchedule(scope: IConstruct, schedule: string): void {
  if (Token.isUnresolved(schedule)) return;
  const fields = /^cron\(([^()]*)\)$/.exec(schedule)?.[1]?.trim().split(/\s+/) ?? [];
  const valid =
    fields.length === FIELDS.length &&
    fields.every((value, index) => FIELDS[index]?.test(value)) &&
    fields[0] !== "*" && // Glue starts a job every five minutes at most
    (fields[2] === "?") !== (fields[4] === "?");
  if (valid) return;
  throw new ValidationError(
    scope,
    `schedule must be cron(minutes hours day-of-month month day-of-week year) in UTC with ? for one of the two days, ` +
      `such as cron(0 3 ? * SUN *), got ${JSON.stringify(schedule)}`,
  );
}
