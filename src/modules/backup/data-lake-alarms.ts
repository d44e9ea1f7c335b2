import { Construct } from "constructs";
import { CloudwatchEventRule } from "@cdktf/provider-aws/lib/cloudwatch-event-rule";
import { CloudwatchEventTarget } from "@cdktf/provider-aws/lib/cloudwatch-event-target";
import type { CloudwatchMetricAlarmConfig } from "@cdktf/provider-aws/lib/cloudwatch-metric-alarm";
import { CloudwatchMetricAlarm } from "@cdktf/provider-aws/lib/cloudwatch-metric-alarm";
import { SnsTopic } from "@cdktf/provider-aws/lib/sns-topic";
import { SnsTopicPolicy } from "@cdktf/provider-aws/lib/sns-topic-policy";
import { SnsTopicSubscription } from "@cdktf/provider-aws/lib/sns-topic-subscription";
import { Fn } from "cdktf";
import { checkConstructProps } from "../common/construct-props";
import { arnScope } from "../common/expression";
import { type AwsConstructProps, applyAwsProps } from "../common/aws-provider";
import { checkPattern } from "../common/checks";
import type { IDataLakeKey } from "../common/data-lake-key";
import type { GlueDatabaseJob } from "./glue-database-job";
import type { MetadataDatabase } from "../database/metadata-database";
import { keepNames } from "../common/kept-name";
import { physicalName } from "../common/physical-name";
import { PolicyDocument } from "../common/policy-document";

/** Properties of {@link DataLakeAlarms}. */
export interface DataLakeAlarmsProps extends AwsConstructProps {
  /** The database to watch. */
  readonly database: MetadataDatabase;
  /** The weekly backup to watch. */
  readonly backupJob: GlueDatabaseJob;
  /**
   * E-mail address that gets the alarms, after its subscription is confirmed.
   * @default - nobody: subscribe to the topic by other means
   */
  readonly email?: string;
  /**
   * The key that the topic's messages are encrypted with; its policy must let CloudWatch and EventBridge use it.
   * @default - not encrypted at rest
   */
  readonly encryptionKey?: IDataLakeKey;
}

const DAY_SECONDS = 86_400;
const GIB = 1024 ** 3;

/**
 * A topic, and what it is told of: a database short of processor, memory, storage or connections, a backup that failed,
 * and a week without a backup, whatever the reason.
 *
 * Failures come as events, not as job metrics: a run that fails early writes no metric.
 */
export class DataLakeAlarms extends Construct {
  /** The topic's ARN, for more subscriptions. */
  readonly topicArn: string;

  constructor(scope: Construct, id: string, props: DataLakeAlarmsProps) {
    super(scope, id);
    applyAwsProps(this, props);
    checkConstructProps(this, props, ["database", "backupJob"], ["encryptionKey"]);
    checkPattern(this, "email", props.email, /^[^@\s]+@[^@\s]+\.[^@\s]+$/, "an e-mail address");
    this.topicArn = this.addTopic(props);
    this.addDatabaseAlarms(props.database.instanceIdentifier);
    this.addBackupAlarms(props.backupJob.jobName);
  }

  private addTopic({ email, encryptionKey }: DataLakeAlarmsProps): string {
    const topic = new SnsTopic(this, "Topic", { name: physicalName(this, 256), kmsMasterKeyId: encryptionKey?.keyArn });
    keepNames(topic, "name");
    const publish = { actions: ["sns:Publish"], resources: [topic.arn] };
    new SnsTopicPolicy(this, "TopicPolicy", {
      arn: topic.arn,
      policy: new PolicyDocument(this, "TopicPolicyDocument", [
        {
          ...publish,
          sid: "Alarms",
          principals: [{ type: "Service", identifiers: ["cloudwatch.amazonaws.com"] }],
          conditions: [{ test: "StringEquals", variable: "aws:SourceAccount", values: [arnScope(topic.arn).account] }],
        },
        // Without a condition: EventBridge fills none in, and its messages would be dropped without a word.
        // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions
        { ...publish, sid: "Events", principals: [{ type: "Service", identifiers: ["events.amazonaws.com"] }] },
      ]).json,
    });
    if (email !== undefined) {
      new SnsTopicSubscription(this, "Email", { topicArn: topic.arn, protocol: "email", endpoint: email });
    }
    return topic.arn;
  }

  private addDatabaseAlarms(instanceIdentifier: string): void {
    const rds = (
      id: string,
      metricName: string,
      comparisonOperator: string,
      threshold: number,
      alarmDescription: string,
    ): void =>
      this.addAlarm(id, {
        alarmDescription,
        namespace: "AWS/RDS",
        metricName,
        dimensions: { DBInstanceIdentifier: instanceIdentifier },
        statistic: "Average",
        comparisonOperator,
        threshold,
        period: 300,
        evaluationPeriods: 3,
        treatMissingData: "missing",
      });
    const above = "GreaterThanOrEqualToThreshold";
    const below = "LessThanOrEqualToThreshold";
    rds("Cpu", "CPUUtilization", above, 80, "Database: processor over 80 % for 15 minutes");
    rds("Memory", "FreeableMemory", below, GIB / 8, "Database: under 128 MiB of memory left for 15 minutes");
    rds("Storage", "FreeStorageSpace", below, 2 * GIB, "Database: under 2 GiB of storage left for 15 minutes");
    rds("Connections", "DatabaseConnections", above, 80, "Database: over 80 connections for 15 minutes");
  }

  private addBackupAlarms(jobName: string): void {
    const failed = this.addJobRule("BackupFailed", jobName, ["FAILED", "STOPPED", "TIMEOUT"]);
    new CloudwatchEventTarget(this, "BackupFailedTarget", { rule: failed.name, arn: this.topicArn });

    const succeeded = this.addJobRule("BackupSucceeded", jobName, ["SUCCEEDED"]);
    this.addAlarm("NoBackup", {
      alarmDescription: "Backup: none has succeeded for seven days",
      namespace: "AWS/Events",
      metricName: "MatchedEvents",
      dimensions: { RuleName: succeeded.name },
      statistic: "Sum",
      comparisonOperator: "LessThanThreshold",
      threshold: 1,
      period: DAY_SECONDS,
      evaluationPeriods: 7,
      treatMissingData: "breaching",
    });
  }

  /** @see https://docs.aws.amazon.com/glue/latest/dg/automating-awsglue-with-cloudwatch-events.html */
  private addJobRule(id: string, jobName: string, state: string[]): CloudwatchEventRule {
    const rule = new CloudwatchEventRule(this, id, {
      name: `${physicalName(this, 40)}-${id}`,
      description: `Glue job run: ${state.join(", ")}`,
      eventPattern: Fn.jsonencode({
        source: ["aws.glue"],
        "detail-type": ["Glue Job State Change"],
        detail: { jobName: [jobName], state },
      }),
    });
    keepNames(rule, "name");
    return rule;
  }

  private addAlarm(id: string, config: Omit<CloudwatchMetricAlarmConfig, "alarmName">): void {
    const actions = [this.topicArn];
    const alarm = new CloudwatchMetricAlarm(this, id, {
      ...config,
      alarmName: `${physicalName(this, 200)}-${id}`,
      alarmActions: actions,
      okActions: actions,
    });
    keepNames(alarm, "alarm_name");
  }
}
