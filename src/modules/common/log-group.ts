import type { Construct } from "constructs";
import { Fn, type ITerraformDependable, Op, Token } from "cdktf";
import { CloudwatchLogGroup } from "@cdktf/provider-aws/lib/cloudwatch-log-group";
import { arnScope } from "./arn";
import { keepNames } from "./kept-name";

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
