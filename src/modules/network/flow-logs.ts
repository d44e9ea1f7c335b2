import type { Construct } from "constructs";
import { FlowLog } from "@cdktf/provider-aws/lib/flow-log";
import type { Vpc } from "@cdktf/provider-aws/lib/vpc";
import type { IDataLakeKey } from "../common/data-lake-key";
import { arnScope } from "../common/expression";
import { addLogGroup, checkLogRetention } from "../common/log-group";
import { pathText, physicalName } from "../common/physical-name";
import { Role } from "../common/role";

/** A quarter of a year, in days: long enough to follow an incident, and the records hold addresses alone. */
const DEFAULT_RETENTION_DAYS = 90;

/** Settings of the flow logs of a network. */
export interface FlowLogsProps {
  /**
   * The KMS key for the log group.
   * @default - CloudWatch's own key
   */
  readonly encryptionKey?: IDataLakeKey;
  /**
   * Days that records are kept; one of the numbers that CloudWatch Logs knows.
   * @default 90
   */
  readonly retentionDays?: number;
}

/**
 * Records the VPC's connections, accepted and rejected, in a log group of its own.
 *
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-cwl.html
 */
export function addFlowLogs(scope: Construct, vpc: Vpc, { encryptionKey, retentionDays }: FlowLogsProps): void {
  checkLogRetention(scope, retentionDays);
  const name = `/aws/vpc/${physicalName(scope, 200)}`;
  const group = addLogGroup(scope, "flow-log-group", {
    name,
    ownerName: name,
    retentionInDays: retentionDays ?? DEFAULT_RETENTION_DAYS,
    kmsKeyId: encryptionKey?.keyArn,
  });
  const { partition, region, account } = arnScope(vpc.arn);
  const role = new Role(scope, "FlowLogsRole", {
    assumedBy: { type: "Service", identifiers: ["vpc-flow-logs.amazonaws.com"] },
    conditions: [
      { test: "StringEquals", variable: "aws:SourceAccount", values: [account] },
      {
        test: "ArnLike",
        variable: "aws:SourceArn",
        values: [`arn:${partition}:ec2:${region}:${account}:vpc-flow-log/*`],
      },
    ],
    description: "Lets VPC write flow logs to CloudWatch Logs",
  });
  role.addToPolicy({
    actions: ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
    resources: [group.arn, `${group.arn}:*`],
  });
  new FlowLog(scope, "FlowLog", {
    vpcId: vpc.id,
    trafficType: "ALL",
    logDestinationType: "cloud-watch-logs",
    logDestination: group.arn,
    iamRoleArn: role.roleArn,
    tags: { Name: pathText(scope) },
    dependsOn: group.dependables,
  });
}
