import type { Construct } from "constructs";
import { arnScope } from "../common/expression";
import { Role } from "../common/role";

/**
 * The role with which RDS writes enhanced monitoring to CloudWatch Logs.
 *
 * @param regionalArn the ARN of a resource of the same account and region
 * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Monitoring.OS.Enabling.html
 * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/cross-service-confused-deputy-prevention.html
 */
export function rdsMonitoringRole(scope: Construct, regionalArn: string): Role {
  const { partition, region, account } = arnScope(regionalArn);
  const role = new Role(scope, "MonitoringRole", {
    assumedBy: { type: "Service", identifiers: ["monitoring.rds.amazonaws.com"] },
    conditions: [
      { test: "StringEquals", variable: "aws:SourceAccount", values: [account] },
      { test: "ArnLike", variable: "aws:SourceArn", values: [`arn:${partition}:rds:${region}:${account}:db:*`] },
    ],
    description: "Lets RDS write enhanced monitoring to CloudWatch Logs",
  });
  role.addToPolicy({
    actions: [
      "logs:CreateLogGroup",
      "logs:CreateLogStream",
      "logs:DescribeLogStreams",
      "logs:GetLogEvents",
      "logs:PutLogEvents",
      "logs:PutRetentionPolicy",
    ],
    // IAM compares the actions of the group, too, with an ARN that ends in a colon and the streams.
    resources: [`arn:${partition}:logs:${region}:${account}:log-group:RDSOSMetrics:*`],
  });
  return role;
}
