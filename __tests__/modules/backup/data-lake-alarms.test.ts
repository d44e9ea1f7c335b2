import type { TerraformStack } from "cdktf";
import { BackupGlueJob } from "../../../src/modules/backup/backup-glue-job";
import type { DataLakeAlarmsProps } from "../../../src/modules/backup/data-lake-alarms";
import { DataLakeAlarms } from "../../../src/modules/backup/data-lake-alarms";
import { DataLakeBucket } from "../../../src/modules/storage/data-lake-bucket";
import { DataLakeKey } from "../../../src/modules/common/data-lake-key";
import { DataLakeNetwork } from "../../../src/modules/network/data-lake-network";
import { MetadataDatabase } from "../../../src/modules/database/metadata-database";
import { refusal, synthesize } from "../../support/synth";

function alarms(scope: TerraformStack, props: Pick<DataLakeAlarmsProps, "email" | "encryptionKey"> = {}): void {
  const network = new DataLakeNetwork(scope, "Net");
  const database = new MetadataDatabase(scope, "Db", { network });
  const bucket = new DataLakeBucket(scope, "Lake");
  const backupJob = new BackupGlueJob(scope, "Backup", { bucket, database, network });
  new DataLakeAlarms(scope, "Alarms", { database, backupJob, ...props });
}
const topicArn = "${aws_sns_topic.Alarms_Topic.arn}";

describe("DataLakeAlarms", () => {
  const stack = synthesize(alarms);

  it("makes a topic that CloudWatch of this account and EventBridge may publish to", () => {
    expect(stack.resource("aws_sns_topic")).toEqual({ name: "test-alarms", lifecycle: { ignore_changes: ["name"] } });
    expect(stack.resource("aws_sns_topic_policy")).toEqual({
      arn: topicArn,
      policy: "${data.aws_iam_policy_document.Alarms_TopicPolicyDocument.json}",
    });
    // EventBridge sends no context that a condition could compare: a statement with one would never allow.
    expect(stack.statements("Alarms_TopicPolicyDocument")).toEqual([
      {
        sid: "Alarms",
        actions: ["sns:Publish"],
        resources: [topicArn],
        principals: [{ type: "Service", identifiers: ["cloudwatch.amazonaws.com"] }],
        condition: [
          {
            test: "StringEquals",
            variable: "aws:SourceAccount",
            values: ['${element(split(":", aws_sns_topic.Alarms_Topic.arn), 4)}'],
          },
        ],
      },
      {
        sid: "Events",
        actions: ["sns:Publish"],
        resources: [topicArn],
        principals: [{ type: "Service", identifiers: ["events.amazonaws.com"] }],
      },
    ]);
    expect(stack.ids("aws_sns_topic_subscription")).toEqual([]);
  });

  it.each([
    ["Cpu", "CPUUtilization", "GreaterThanOrEqualToThreshold", 80],
    ["Memory", "FreeableMemory", "LessThanOrEqualToThreshold", 128 * 1024 ** 2],
    ["Storage", "FreeStorageSpace", "LessThanOrEqualToThreshold", 2 * 1024 ** 3],
    ["Connections", "DatabaseConnections", "GreaterThanOrEqualToThreshold", 80],
  ])("watches the database: %s", (id, metric, operator, threshold) => {
    expect(stack.resource("aws_cloudwatch_metric_alarm", `Alarms_${id}`)).toMatchObject({
      alarm_name: `test-alarms-${id}`,
      namespace: "AWS/RDS",
      metric_name: metric,
      dimensions: { DBInstanceIdentifier: "test-db" },
      statistic: "Average",
      comparison_operator: operator,
      threshold,
      period: 300,
      evaluation_periods: 3,
      treat_missing_data: "missing",
      alarm_actions: [topicArn],
      ok_actions: [topicArn],
    });
  });

  it("tells of each run that failed, was stopped or timed out", () => {
    expect(stack.resource("aws_cloudwatch_event_rule", "Alarms_BackupFailed")).toEqual({
      name: "test-alarms-BackupFailed",
      lifecycle: { ignore_changes: ["name"] },
      description: "Glue job run: FAILED, STOPPED, TIMEOUT",
      event_pattern:
        '${jsonencode({"source" = ["aws.glue"], "detail-type" = ["Glue Job State Change"], ' +
        '"detail" = {"jobName" = [aws_glue_job.Backup.name], "state" = ["FAILED", "STOPPED", "TIMEOUT"]}})}',
    });
    expect(stack.resource("aws_cloudwatch_event_target")).toEqual({
      rule: "${aws_cloudwatch_event_rule.Alarms_BackupFailed.name}",
      arn: topicArn,
    });
  });

  it("tells of seven days without a success, and takes silence for one of them", () => {
    expect(stack.resource("aws_cloudwatch_metric_alarm", "Alarms_NoBackup")).toMatchObject({
      namespace: "AWS/Events",
      metric_name: "MatchedEvents",
      dimensions: { RuleName: "${aws_cloudwatch_event_rule.Alarms_BackupSucceeded.name}" },
      statistic: "Sum",
      comparison_operator: "LessThanThreshold",
      threshold: 1,
      period: 86_400,
      evaluation_periods: 7, // days: the most that CloudWatch takes
      treat_missing_data: "breaching",
    });
  });

  it("encrypts the topic and subscribes an address", () => {
    const props = synthesize((scope) => {
      const encryptionKey = DataLakeKey.fromKeyArn(scope, "Key", "arn:aws:kms:eu-central-1:123456789012:key/1");
      alarms(scope, { email: "on-call@example.org", encryptionKey });
    });
    expect(props.resource("aws_sns_topic").kms_master_key_id).toBe("arn:aws:kms:eu-central-1:123456789012:key/1");
    expect(props.resource("aws_sns_topic_subscription")).toEqual({
      topic_arn: topicArn,
      protocol: "email",
      endpoint: "on-call@example.org",
    });
  });

  it.each(["", "on-call", "on-call@example", "a b@example.org"])("refuses the address %j", (email) => {
    expect(refusal((scope) => alarms(scope, { email }))).toBe(
      `test/Alarms: email must be an e-mail address, got "${email}"`,
    );
  });
});
