import type { IConstruct } from "constructs";
import { checkOneOf } from "./checks";

/** A year and a month, so that last year's week can be compared with this year's. Days. */
export const DEFAULT_LOG_RETENTION_DAYS = 400;

/** https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html */
const RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

/** Throws unless CloudWatch Logs knows the number of days. */
export function checkLogRetention(scope: IConstruct, days: number | undefined): void {
  checkOneOf(scope, "logRetentionDays", days, RETENTION_DAYS);
}
