import type { TerraformStack } from "cdktf";
import { TerraformVariable } from "cdktf";
import { BackupGlueJob } from "../../../src/modules/backup/backup-glue-job";
import type { DataLakeAlarmsProps } from "../../../src/modules/backup/data-lake-alarms";
import { DataLakeAlarms } from "../../../src/modules/backup/data-lake-alarms";
import { DataLakeBucket } from "../../../src/modules/storage/data-lake-bucket";
import { DataLakeKey } from "../../../src/modules/common/data-lake-key";
import { DataLakeNetwork } from "../../../src/modules/network/data-lake-network";
import { MetadataDatabase } from "../../../src/modules/database/metadata-database";
import type { MetadataDatabaseProps } from "../../../src/modules/database/metadata-database-props";
import { PurgeGlueJob } from "../../../src/modules/backup/purge-glue-job";
import { RestoreGlueJob } from "../../../src/modules/backup/restore-glue-job";
import { refusal, synthesize } from "../../support/synth";

type Settings = Omit<DataLakeAlarmsProps, "database" | "backupJob" | "purgeJob" | "restoreJob">;
type Size = Pick<MetadataDatabaseProps, "instanceClass" | "allocatedStorageGib" | "parameters">;

function alarms(
  scope: TerraformStack,
  settings: Settings = {},
  size: Size = {},
  jobs: Partial<DataLakeAlarmsProps> = {},
): void {
  const network = new DataLakeNetwork(scope, "Net");
  const database = new MetadataDatabase(scope, "Db", { network, ...size });
  const { encryptionKey } = settings;
  const wiring = { bucket: new DataLakeBucket(scope, "Lake"), database, network, encryptionKey };
  new DataLakeAlarms(scope, "Alarms", {
    database,
    backupJob: new BackupGlueJob(scope, "Backup", wiring),
    purgeJob: new PurgeGlueJob(scope, "Purge", { ...wiring, olderThanDays: 90 }),
    restoreJob: new RestoreGlueJob(scope, "Restore", wiring),
    ...settings,
    ...jobs,
  });
}
const topicArn = "${aws_sns_topic.Alarms_Topic.arn}";
const KEY_ARN = "arn:aws:kms:eu-central-1:123456789012:key/1";
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

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
    ["Cpu", "CPUUtilization", "GreaterThanOrEqualToThreshold", 80, "processor"],
    ["Memory", "FreeableMemory", "LessThanOrEqualToThreshold", 205 * MIB, "memory"],
    ["Storage", "FreeStorageSpace", "LessThanOrEqualToThreshold", GIB, "storage"],
    ["Connections", "DatabaseConnections", "GreaterThanOrEqualToThreshold", 204, "connections"],
  ])("watches the database: %s", (id, metric, operator, threshold, shortOf) => {
    expect(stack.resource("aws_cloudwatch_metric_alarm", `Alarms_${id}`)).toMatchObject({
      alarm_name: `test-alarms-${id}`,
      alarm_description: `Database: short of ${shortOf} for 15 minutes. Runbook: docs/runbook/database-load.md`,
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

  it.each([
    ["BackupFailed", "Backup"],
    ["PurgeFailed", "Purge"],
    ["RestoreFailed", "Restore"],
  ])("tells of each run that failed, was stopped or timed out: %s", (id, job) => {
    expect(stack.resource("aws_cloudwatch_event_rule", `Alarms_${id}`)).toEqual({
      name: `test-alarms-${id}`,
      lifecycle: { ignore_changes: ["name"] },
      description: "Glue job run: FAILED, STOPPED, TIMEOUT",
      event_pattern:
        '${jsonencode({"source" = ["aws.glue"], "detail-type" = ["Glue Job State Change"], ' +
        `"detail" = {"jobName" = [aws_glue_job.${job}.name], "state" = ["FAILED", "STOPPED", "TIMEOUT"]}})}`,
    });
    expect(stack.resource("aws_cloudwatch_event_target", `Alarms_${id}Target`)).toMatchObject({
      rule: `\${aws_cloudwatch_event_rule.Alarms_${id}.name}`,
      arn: topicArn,
      input_transformer: {
        input_paths: {
          state: "$.detail.state",
          job: "$.detail.jobName",
          run: "$.detail.jobRunId",
          error: "$.detail.message",
        },
      },
    });
  });

  it("writes each value of an event as JSON, outside of any text: AWS escapes none inside", () => {
    const template = (id: string) => {
      const { input_transformer } = stack.resource("aws_cloudwatch_event_target", `Alarms_${id}Target`);
      return (input_transformer as { input_template: string }).input_template;
    };
    expect(template("BackupFailed")).toBe(
      '{"alarm": "Backup failed: this run proved nothing.", "state": <state>, "job": <job>, "run": <run>, ' +
        '"error": <error>, "runbook": "docs/runbook/backup-failed.md"}',
    );
    for (const id of ["BackupFailed", "PurgeFailed", "RestoreFailed", "DatabaseEvents"]) {
      const values = Object.values(JSON.parse(template(id).replace(/: <\w+>/g, ": 1")) as Record<string, unknown>);
      expect(JSON.stringify(values)).not.toContain("<");
      expect(values.filter((value) => value === 1)).toHaveLength(id === "DatabaseEvents" ? 3 : 4);
    }
  });

  it("tells of RDS's events of this instance that a person looks after", () => {
    expect(stack.resource("aws_cloudwatch_event_rule", "Alarms_DatabaseEvents").event_pattern).toBe(
      '${jsonencode({"source" = ["aws.rds"], "detail-type" = ["RDS DB Instance Event"], ' +
        '"detail" = {"SourceIdentifier" = ["test-db"], ' +
        '"EventCategories" = ["failover", "failure", "low storage", "maintenance", "recovery"]}})}',
    );
  });

  it("tells of seven days without a proved backup, and takes silence for one of them", () => {
    expect(stack.resource("aws_cloudwatch_metric_alarm", "Alarms_NoBackup")).toMatchObject({
      alarm_description: "No proved backup for 7 days. Runbook: docs/runbook/no-proved-backup.md",
      namespace: "XrayDataLake/test-alarms",
      metric_name: "ProvedBackups",
      statistic: "Sum",
      comparison_operator: "LessThanThreshold",
      threshold: 1,
      period: 86_400,
      evaluation_periods: 7,
      treat_missing_data: "breaching",
    });
  });

  it.each([
    ["ProvedBackups", '"snapshot_proved"', "1", "Count"],
    ["ProvedRows", '{ $.event = "snapshot_proved" && $.rows = * }', "$.rows", "Count"],
    ["ProvedBytes", '{ $.event = "snapshot_proved" && $.bytes = * }', "$.bytes", "Bytes"],
    ["ProvedAt", '{ $.event = "snapshot_proved" && $.proved_at = * }', "$.proved_at", "Seconds"],
  ])("reads the job's output once its groups are there: %s", (metric, pattern, value, unit) => {
    expect(stack.resource("aws_cloudwatch_log_metric_filter", `Alarms_${metric}`)).toEqual({
      name: `test-alarms-${metric}`,
      lifecycle: { ignore_changes: ["name"] },
      log_group_name: "/aws-glue/jobs/test-backup/output",
      pattern,
      metric_transformation: { namespace: "XrayDataLake/test-alarms", name: metric, value, unit },
      depends_on: ["aws_glue_job.Backup"],
    });
  });

  it("reads the group that Glue writes an encrypted log to", () => {
    const encrypted = synthesize((scope) =>
      alarms(scope, { encryptionKey: DataLakeKey.fromKeyArn(scope, "Key", KEY_ARN) }),
    );
    const { log_group_name } = encrypted.resource("aws_cloudwatch_log_metric_filter", "Alarms_ProvedBackups");
    expect(log_group_name).toBe(
      "/aws-glue/jobs/test-backup/${aws_glue_security_configuration.Backup_SecurityConfiguration.name}-role/" +
        "${aws_iam_role.Backup_Role.name}/output",
    );
    expect(encrypted.resource("aws_cloudwatch_log_group", "Backup_output-log").name).toBe(log_group_name);
  });

  it("shows alarms, the last proved backup and the database's load on a dashboard", () => {
    const { dashboard_name, dashboard_body } = stack.resource("aws_cloudwatch_dashboard");
    expect(dashboard_name).toBe("test-alarms");
    expect(dashboard_body).toMatchSnapshot();
    const without = synthesize((scope) => alarms(scope, { dashboard: false }));
    expect(without.ids("aws_cloudwatch_dashboard")).toEqual([]);
  });

  it("watches no purge and no restore where there is none", () => {
    const without = synthesize((scope) => alarms(scope, {}, {}, { purgeJob: undefined, restoreJob: undefined }));
    expect(without.ids("aws_cloudwatch_event_rule")).toEqual(["Alarms_BackupFailed", "Alarms_DatabaseEvents"]);
  });

  // https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html (Period)
  it.each([1, 7])("asks CloudWatch for no longer time than it looks back: %s days", (backupAgeDays) => {
    const limited = synthesize((scope) => alarms(scope, { backupAgeDays }));
    const ids = limited.ids("aws_cloudwatch_metric_alarm");
    expect(ids).toHaveLength(5);
    for (const id of ids) {
      const { period, evaluation_periods } = limited.resource("aws_cloudwatch_metric_alarm", id);
      const limit = Number(period) < 3600 ? 86_400 : 604_800;
      expect(Number(period) * Number(evaluation_periods)).toBeLessThanOrEqual(limit);
    }
  });

  it("encrypts the topic, subscribes an address and names the pages of a runbook elsewhere", () => {
    const props = synthesize((scope) => {
      const encryptionKey = DataLakeKey.fromKeyArn(scope, "Key", KEY_ARN);
      const runbookUrl = "https://wiki.example.org/runbook";
      alarms(scope, { email: "on-call@example.org", encryptionKey, runbookUrl });
    });
    expect(props.resource("aws_sns_topic").kms_master_key_id).toBe(KEY_ARN);
    expect(props.resource("aws_sns_topic_subscription")).toEqual({
      topic_arn: topicArn,
      protocol: "email",
      endpoint: "on-call@example.org",
    });
    expect(props.text).toContain("https://wiki.example.org/runbook/purge-or-restore-failed.md");
    expect(props.text).not.toContain("docs/runbook");
  });

  it.each<[Settings, string]>([
    ...["", "on-call", "on-call@example", "a b@example.org"].map((email): [Settings, string] => [
      { email },
      `email must be an e-mail address, got "${email}"`,
    ]),
    [{ backupAgeDays: 8 }, "backupAgeDays must be a whole number from 1 to 7, got 8"],
    [{ cpuUtilizationPercent: 0 }, "cpuUtilizationPercent must be a whole number from 1 to 100, got 0"],
    [{ databaseConnections: 1.5 }, "databaseConnections must be a whole number from 1 to 100000, got 1.5"],
    [{ freeableMemoryMib: -1 }, "freeableMemoryMib must be a whole number from 1 to 4194304, got -1"],
    [{ freeStorageSpaceGib: 0 }, "freeStorageSpaceGib must be a whole number from 1 to 65536, got 0"],
    ...['a"b', "https://wiki.example.org/", "<page>", "${env}", ""].map((runbookUrl): [Settings, string] => [
      { runbookUrl },
      "runbookUrl must be the address of a folder without a slash at its end, such as https://wiki.example.org/runbook, " +
        `got ${JSON.stringify(runbookUrl)}`,
    ]),
  ])("refuses %j", (settings, message) => {
    expect(refusal((scope) => alarms(scope, settings))).toBe(`test/Alarms: ${message}`);
  });
});

describe("the thresholds", () => {
  const thresholds = (size: Size, settings: Settings = {}) => {
    const stack = synthesize((scope) => alarms(scope, settings, size));
    return Object.fromEntries(
      ["Cpu", "Memory", "Storage", "Connections"].map((id) => [
        id,
        stack.resource("aws_cloudwatch_metric_alarm", `Alarms_${id}`).threshold,
      ]),
    );
  };

  // RDS allows about 60 connections on a db.t4g.micro, 145 on a small, 312 on a medium, 648 on 8 GiB.
  it.each([
    ["db.t4g.micro", 51, 51],
    ["db.t4g.small", 102, 102],
    ["db.t3.medium", 205, 204],
    ["db.m7g.large", 410, 409],
    ["db.r6gd.4xlarge", 6554, 6553],
    ["db.x2iedn.xlarge", 6554, 6553],
  ])("follow the class: %s", (instanceClass, memoryMib, connections) => {
    expect(thresholds({ instanceClass })).toMatchObject({
      Cpu: 80,
      Memory: memoryMib * MIB,
      Connections: connections,
    });
  });

  it("follow the storage", () => {
    expect(thresholds({ allocatedStorageGib: 100 })).toMatchObject({ Storage: 5 * GIB });
    const variable = synthesize((scope) => {
      const { numberValue } = new TerraformVariable(scope, "gib", { type: "number" });
      alarms(scope, {}, { allocatedStorageGib: numberValue });
    });
    expect(variable.resource("aws_cloudwatch_metric_alarm", "Alarms_Storage").threshold).toMatch(
      /^\$\{\(var\.gib \* 53687091\.2\)\}$/,
    );
  });

  it("follow max_connections where it is set", () => {
    expect(thresholds({ parameters: [{ name: "max_connections", value: "200" }] })).toMatchObject({ Connections: 160 });
    const formula = [{ name: "max_connections", value: "{DBInstanceClassMemory/25165760}" }];
    expect(refusal((scope) => alarms(scope, {}, { parameters: formula }))).toBe(
      "test/Alarms: databaseConnections must be given: max_connections of the database is no number, " +
        'got "{DBInstanceClassMemory/25165760}"',
    );
  });

  it("are those that are given", () => {
    const given = { cpuUtilizationPercent: 90, databaseConnections: 30, freeableMemoryMib: 64, freeStorageSpaceGib: 3 };
    expect(thresholds({ instanceClass: "db.z1d.large" }, given)).toEqual({
      Cpu: 90,
      Memory: 64 * MIB,
      Storage: 3 * GIB,
      Connections: 30,
    });
  });

  it("must be given where the class is not known", () => {
    expect(refusal((scope) => alarms(scope, {}, { instanceClass: "db.z1d.large" }))).toBe(
      "test/Alarms: databaseConnections must be given: the memory of instanceClass is not known, got db.z1d.large",
    );
    const variable = (scope: TerraformStack) => new TerraformVariable(scope, "class", { type: "string" }).stringValue;
    expect(refusal((scope) => alarms(scope, { databaseConnections: 30 }, { instanceClass: variable(scope) }))).toBe(
      "test/Alarms: freeableMemoryMib must be given: the memory of instanceClass is not known, got a token",
    );
  });
});
