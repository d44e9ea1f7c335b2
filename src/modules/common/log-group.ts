import type { Construct, IConstruct } from "constructs";
import { Fn, type ITerraformDependable, Op, Token } from "cdktf";
import { CloudwatchLogGroup } from "@cdktf/provider-aws/lib/cloudwatch-log-group";
import { checkOneOf } from "./checks";
import { arnScope } from "./expression";
import { keepNames } from "./kept-name";

/** A year and a month, so that last year's week can be compared with this year's. Days. */
export const DEFAULT_LOG_RETENTION_DAYS = 400;

/** https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html */
const RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

/** Throws unless CloudWatch Logs knows the number of days. */
export function checkLogRetention(scope: IConstruct, days: number | undefined, prop = "logRetentionDays"): void {
  checkOneOf(scope, prop, days, RETENTION_DAYS);
}

/** The log group that a service writes to, by the name that the service derives. */
export interface LogGroupProps {
  /** The name. */
  readonly name: string;
  /** The name of what logs; one that is a token may be unknown before an apply, and Terraform cannot count by it. */
  readonly ownerName: string;
  /** Days that log events are kept. */
  readonly retentionInDays: number;
  /**
   * The key's ARN.
   * @default - CloudWatch's own key
   */
  readonly kmsKeyId?: string;
}

/** The parts of a log group that exist. */
export interface LogGroup {
  /** The ARN, without streams. */
  readonly arn: string;
  /** Resources that must exist before the first log line. */
  readonly dependables: ITerraformDependable[];
}

/**
 * A log group that is not deleted when the service's name for it becomes another, as with a job that gets a key or another
 * name: a group has its name for good. The one that is there stays, with what is in it and its retention, and a second
 * one is made under the new name, which no later change deletes.
 */
export function addLogGroup(scope: Construct, id: string, { ownerName, ...config }: LogGroupProps): LogGroup {
  const group = new CloudwatchLogGroup(scope, id, config);
  if (Token.isUnresolved(ownerName)) return { arn: group.arn, dependables: [group] };
  keepNames(group, "name");
  const current = new CloudwatchLogGroup(scope, `current-${id}`, {
    ...config,
    count: Token.asNumber(Fn.conditional(Op.eq(group.name, config.name), 0, 1)),
    skipDestroy: true,
  });
  const { partition, region, account } = arnScope(group.arn);
  return {
    arn: `arn:${partition}:logs:${region}:${account}:log-group:${config.name}`,
    dependables: [group, current],
  };
}
