import { S3Bucket } from "@cdktf/provider-aws/lib/s3-bucket";
import { SnsTopicSubscription } from "@cdktf/provider-aws/lib/sns-topic-subscription";
import { SqsQueue } from "@cdktf/provider-aws/lib/sqs-queue";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { TerraformOutput, TerraformStack } from "cdktf";
import { LOCAL_REGION } from "../../local/environment/aws-clients";
import { type Emulator, startEmulator } from "../../local/servers/aws/emulator";
import {
  BackupGlueJob,
  DataLakeAlarms,
  DataLakeBucket,
  DataLakeKey,
  DataLakeNetwork,
  MetadataDatabase,
  PurgeGlueJob,
  RestoreGlueJob,
} from "../../src";
import { alarmState, type MetricAlarm } from "./support/alarm-state";
import { callAws } from "../support/emulator-calls";
import { StackFolder } from "./support/stack-folder";

jest.setTimeout(8 * 60_000);

const DATABASE = "clinic-database";
const RUN = "jr_a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90";

class Clinic extends TerraformStack {
  constructor(scope: ConstructorParameters<typeof TerraformStack>[0]) {
    super(scope, "clinic");
    new AwsProvider(this, "aws", { region: LOCAL_REGION });
    const encryptionKey = new DataLakeKey(this, "Key", { preventDestroy: false });
    const network = new DataLakeNetwork(this, "Network");
    const { bucket: name } = new S3Bucket(this, "Images", { bucket: "clinic-images", forceDestroy: true });
    const bucket = DataLakeBucket.fromBucketName(this, "Bucket", name);
    const database = new MetadataDatabase(this, "Database", { network, instanceClass: "db.t4g.micro" });
    const wiring = { bucket, database, network, encryptionKey };
    const backupJob = new BackupGlueJob(this, "Backup", wiring);
    const { topicArn } = new DataLakeAlarms(this, "Alarms", {
      database,
      backupJob,
      purgeJob: new PurgeGlueJob(this, "Purge", { ...wiring, olderThanDays: 90 }),
      restoreJob: new RestoreGlueJob(this, "Restore", wiring),
      encryptionKey,
    });
    // A mailbox in place of a person's.
    const queue = new SqsQueue(this, "Mailbox", { name: "mailbox" });
    new SnsTopicSubscription(this, "Subscription", { topicArn, protocol: "sqs", endpoint: queue.arn });
    new TerraformOutput(this, "mailbox", { value: queue.url, staticId: true });
    new TerraformOutput(this, "topic", { value: topicArn, staticId: true });
    new TerraformOutput(this, "log_group", { value: backupJob.outputLogGroupName, staticId: true });
  }
}

let emulator: Emulator;
let stack: StackFolder;
let outputs: Record<"mailbox" | "topic" | "log_group", string>;

beforeAll(async () => {
  emulator = await startEmulator();
  stack = new StackFolder("alarms", emulator.url);
  await stack.synthesize((app) => new Clinic(app));
  await stack.plan();
  await stack.apply();
  outputs = (await stack.outputs()) as typeof outputs;
});
afterAll(() => emulator.stop());

test("a second plan has no changes", async () => {
  const { add, changed, destroy } = await stack.plan();
  expect({ add, changed, destroy }).toEqual({ add: 0, changed: [], destroy: 0 });
});

/** Texts in the mailbox, each once. */
async function mails(): Promise<string[]> {
  const { Messages = [] } = await callAws<{ Messages?: { Body: string; ReceiptHandle: string }[] }>(
    emulator.url,
    "sqs",
    "ReceiveMessage",
    { QueueUrl: outputs.mailbox, MaxNumberOfMessages: 10 },
  );
  for (const { ReceiptHandle } of Messages) {
    await callAws(emulator.url, "sqs", "DeleteMessage", { QueueUrl: outputs.mailbox, ReceiptHandle });
  }
  return Messages.map(({ Body }) => (JSON.parse(Body) as { Message: string }).Message);
}

/** Mails that an event leads to. */
async function mailsAfter(source: string, detailType: string, detail: Record<string, unknown>): Promise<string[]> {
  const entry = { Source: source, DetailType: detailType, Detail: JSON.stringify(detail) };
  const { FailedEntryCount = 0 } = await callAws<{ FailedEntryCount?: number }>(emulator.url, "events", "PutEvents", {
    Entries: [entry],
  });
  expect(FailedEntryCount).toBe(0);
  return mails();
}

describe("a job run", () => {
  // As https://docs.aws.amazon.com/glue/latest/dg/automating-awsglue-with-cloudwatch-events.html shows them.
  const run = (jobName: string, state: string, message: string) =>
    mailsAfter("aws.glue", "Glue Job State Change", {
      jobName,
      severity: state === "FAILED" ? "ERROR" : "INFO",
      state,
      jobRunId: RUN,
      message,
    });
  const error =
    "SystemExit: xray_backup: this run was silent for too long and another may have taken over; run it again";

  test.each([
    ["clinic-backup", "Backup failed: this run proved nothing.", "backup-failed"],
    ["clinic-purge", "Purge failed, or kept rows.", "purge-or-restore-failed"],
    ["clinic-restore", "Restore failed, or left rows out.", "purge-or-restore-failed"],
  ])("of %s that failed says what, which run, why and where to read on", async (job, alarm, page) => {
    const [mail, ...more] = await run(job, "FAILED", error);
    expect(more).toEqual([]);
    expect(JSON.parse(mail ?? "")).toEqual({
      alarm,
      state: "FAILED",
      job,
      run: RUN,
      error,
      runbook: `docs/runbook/${page}.md`,
    });
  });

  test.each([
    ["STOPPED", "Job run stopped"],
    ["TIMEOUT", "Job run timed out"],
  ])("that is %s is told, too", async (state, message) => {
    const [mail] = await run("clinic-backup", state, message);
    expect(JSON.parse(mail ?? "")).toMatchObject({ state, error: message });
  });

  test.each(['it said "no"', "two\nlines", "a \\ and a \t", "<run> and ${x}", "Müller ✓", '{"a": 1}', ""])(
    "whose error has %j in it is told word by word",
    async (message) => {
      const [mail] = await run("clinic-backup", "FAILED", message);
      expect(JSON.parse(mail ?? "")).toMatchObject({ error: message, run: RUN });
    },
  );

  test.each([
    ["clinic-backup", "SUCCEEDED"],
    ["clinic-backup-2", "FAILED"],
    ["another-job", "FAILED"],
  ])("of %s that is %s is not", async (job, state) => expect(await run(job, state, "")).toEqual([]));
});

describe("an event of the database", () => {
  // As https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-cloud-watch-events.html shows them.
  const event = (EventCategories: string[], Message: string, SourceIdentifier = DATABASE) =>
    mailsAfter("aws.rds", "RDS DB Instance Event", {
      EventCategories,
      SourceType: "DB_INSTANCE",
      SourceArn: `arn:aws:rds:${LOCAL_REGION}:123456789012:db:${SourceIdentifier}`,
      Date: "2026-11-27T03:04:05.678Z",
      Message,
      SourceIdentifier,
      EventID: "RDS-EVENT-0049",
    });

  test.each([
    ["failover", "Multi-AZ instance failover completed"],
    ["failure", 'The DB instance has failed: "incompatible parameters"'],
    ["low storage", "The allocated storage for the DB instance has been exhausted."],
    ["maintenance", "Applying off-line patches to DB instance"],
    ["recovery", "Recovery of the DB instance has started."],
  ])("%s is told", async (category, message) => {
    const [mail, ...more] = await event([category], message);
    expect(more).toEqual([]);
    expect(JSON.parse(mail ?? "")).toEqual({
      alarm: "Database event, as RDS reports it.",
      database: DATABASE,
      event: message,
      categories: [category],
      runbook: "docs/runbook/database-load.md",
    });
  });

  test("of another category, or of another database, is not", async () => {
    expect(await event(["configuration change"], "Finished updating DB parameter group")).toEqual([]);
    expect(await event(["failure"], "The DB instance has failed", "another")).toEqual([]);
  });
});

test("the dashboard shows metrics that are there, the thresholds, and the age of the last proof", async () => {
  const { DashboardBody } = await callAws<{ DashboardBody: string }>(emulator.url, "monitoring", "GetDashboard", {
    DashboardName: "clinic-alarms",
  });
  const { widgets } = JSON.parse(DashboardBody) as {
    widgets: { x: number; width: number; properties: Record<string, unknown> }[];
  };
  expect(widgets.every(({ x, width }) => x + width <= 24)).toBe(true);
  const [states, ...graphs] = widgets.map(({ properties }) => properties);
  const alarm = (name: string) => `arn:aws:cloudwatch:${LOCAL_REGION}:123456789012:alarm:clinic-alarms-${name}`;
  expect(states?.["alarms"]).toEqual(["NoBackup", "Cpu", "Memory", "Storage", "Connections"].map(alarm));
  const metrics = graphs.flatMap(({ metrics }) => metrics as unknown[][]);
  const named = (namespace: string) =>
    new Set(metrics.filter(([first]) => first === namespace).map(([, metric]) => metric));
  expect(named("XrayDataLake/clinic-alarms")).toEqual(new Set(["ProvedAt", "ProvedRows", "ProvedBytes"]));
  expect(named("AWS/RDS")).toEqual(
    new Set(["CPUUtilization", "FreeableMemory", "FreeStorageSpace", "DatabaseConnections"]),
  );
  expect(graphs.every(({ region }) => region === LOCAL_REGION)).toBe(true);
  expect(graphs.flatMap(({ annotations }) => annotations ?? [])).toEqual(
    [80, 51 * 1024 ** 2, 1024 ** 3, 51].map((value) => ({ horizontal: [{ label: "alarm", value }] })),
  );
});

describe("an alarm", () => {
  let alarms: Map<string, MetricAlarm>;
  beforeAll(async () => {
    const { MetricAlarms } = await callAws<{ MetricAlarms: MetricAlarm[] }>(
      emulator.url,
      "monitoring",
      "DescribeAlarms",
      {},
    );
    alarms = new Map(MetricAlarms.map((alarm) => [alarm.AlarmName.replace("clinic-alarms-", ""), alarm]));
  });
  const named = (name: string): MetricAlarm => {
    const alarm = alarms.get(name);
    if (!alarm) throw new Error(`no alarm ${name}; there are ${[...alarms.keys()].join(", ")}`);
    return alarm;
  };
  const now = new Date();
  const secondsAgo = (seconds: number) => Math.floor(now.getTime() / 1000) - seconds;

  test("speaks to the topic, both when it goes off and when it is over", () => {
    expect([...alarms.keys()].sort()).toEqual(["Connections", "Cpu", "Memory", "NoBackup", "Storage"]);
    for (const { AlarmActions, OKActions } of alarms.values()) {
      expect([AlarmActions, OKActions]).toEqual([[outputs.topic], [outputs.topic]]);
    }
  });

  test.each([
    ["Cpu", 79, 80],
    ["Connections", 50, 51],
    ["Memory", 52 * 1024 ** 2, 51 * 1024 ** 2],
    ["Storage", 1.1 * 1024 ** 3, 1024 ** 3],
  ])("of the database goes off after fifteen minutes: %s", async (name, good, bad) => {
    const alarm = named(name);
    const put = (value: number, minutesAgo: number) =>
      callAws(emulator.url, "monitoring", "PutMetricData", {
        Namespace: alarm.Namespace,
        MetricData: [
          {
            MetricName: alarm.MetricName,
            Dimensions: alarm.Dimensions,
            Timestamp: secondsAgo(60 * minutesAgo),
            Value: value,
          },
        ],
      });
    expect(await alarmState(emulator.url, alarm, now)).toBe("INSUFFICIENT_DATA");
    await put(good, 13);
    await put(bad, 8);
    await put(bad, 3);
    expect(await alarmState(emulator.url, alarm, now)).toBe("OK");
    // Two hours before, so that each value is alone in its period.
    for (const minutes of [133, 128, 123]) await put(bad, minutes);
    expect(await alarmState(emulator.url, alarm, new Date(now.getTime() - 7_200_000))).toBe("ALARM");
  });

  describe("on a missing backup", () => {
    let stream = 0;
    /** Lets the job's log group get a line, as Glue sends each that the job prints. */
    async function log(line: string, daysAgo: number): Promise<void> {
      const logStreamName = `${RUN}-${++stream}`;
      const names = { logGroupName: outputs.log_group, logStreamName };
      await callAws(emulator.url, "logs", "CreateLogStream", names);
      await callAws(emulator.url, "logs", "PutLogEvents", {
        ...names,
        logEvents: [{ timestamp: secondsAgo(daysAgo * 86_400) * 1000, message: line }],
      });
    }
    const state = () => alarmState(emulator.url, named("NoBackup"), now);
    const proof =
      '{"time": "2026-11-27T03:00:41.123+00:00", "event": "snapshot_proved", "rows": 1234, "bytes": 5678, "proved_at": 1795748441}';

    test("is on where there was never one", async () => expect(await state()).toBe("ALARM"));

    test("is not quieted by lines that prove nothing", async () => {
      for (const line of [
        '{"time": "…", "event": "would_copy", "backup": "snapshot", "table": "image", "rows": 12}',
        '{"time": "…", "event": "already_committed", "backup": "snapshot-2026-11-22", "run_id": "x"}',
        '{"time": "…", "event": "committed", "backup": "archive-2026-11-22", "manifest": "x"}',
        '{"time": "…", "event": "snapshot_without_rows", "backup": "snapshot-2026-11-22"}',
        "Traceback (most recent call last):",
      ]) {
        await log(line, 1);
      }
      expect(await state()).toBe("ALARM");
    });

    test("is not quieted by a proof of eight days ago", async () => {
      await log(proof, 8);
      expect(await state()).toBe("ALARM");
    });

    test("is off for seven days after a proof", async () => {
      await log(proof, 6.9);
      expect(await state()).toBe("OK");
      const later = new Date(now.getTime() + 0.2 * 86_400_000);
      expect(await alarmState(emulator.url, named("NoBackup"), later)).toBe("ALARM");
    });

    test("finds the line also with something before it", async () => {
      await log(`26/11/27 03:00:41 INFO stdout: ${proof}`, 0.5);
      const later = new Date(now.getTime() + 5 * 86_400_000);
      expect(await alarmState(emulator.url, named("NoBackup"), later)).toBe("OK");
    });

    test.each([
      ["ProvedRows", 1234],
      ["ProvedBytes", 5678],
      ["ProvedAt", 1_795_748_441],
    ])("has beside it the metric %s of the dashboard", async (metric, value) => {
      const { Datapoints } = await callAws<{ Datapoints: { Maximum: number }[] }>(
        emulator.url,
        "monitoring",
        "GetMetricStatistics",
        {
          Namespace: named("NoBackup").Namespace,
          MetricName: metric,
          StartTime: secondsAgo(7 * 86_400),
          EndTime: secondsAgo(0),
          Period: 604_800,
          Statistics: ["Maximum"],
        },
      );
      expect(Datapoints.map(({ Maximum }) => Maximum)).toEqual([value]);
    });
  });
});
