import { Construct } from "constructs";
import { CloudwatchEventRule } from "@cdktf/provider-aws/lib/cloudwatch-event-rule";
import type { CloudwatchEventTargetInputTransformer } from "@cdktf/provider-aws/lib/cloudwatch-event-target";
import { CloudwatchEventTarget } from "@cdktf/provider-aws/lib/cloudwatch-event-target";
import type { CloudwatchMetricAlarmConfig } from "@cdktf/provider-aws/lib/cloudwatch-metric-alarm";
import { CloudwatchMetricAlarm } from "@cdktf/provider-aws/lib/cloudwatch-metric-alarm";
import { SnsTopic } from "@cdktf/provider-aws/lib/sns-topic";
import { SnsTopicPolicy } from "@cdktf/provider-aws/lib/sns-topic-policy";
import { SnsTopicSubscription } from "@cdktf/provider-aws/lib/sns-topic-subscription";
import { Fn } from "cdktf";
import { documentationPage } from "../../schema/documentation";
import { checkConstructProps } from "../common/construct-props";
import { arnScope } from "../common/expression";
import { type AwsConstructProps, applyAwsProps } from "../common/aws-provider";
import { checkInteger, checkPattern } from "../common/checks";
import type { IDataLakeKey } from "../common/data-lake-key";
import type { AlarmMessage, RunbookPage } from "./alarm-messages";
import { alarmDescription, databaseEventTransformer, jobRunTransformer } from "./alarm-messages";
import type { WatchedMetric } from "./data-lake-dashboard";
import { addDashboard } from "./data-lake-dashboard";
import type { DatabaseThresholds } from "./database-thresholds";
import { databaseThresholds } from "./database-thresholds";
import type { GlueDatabaseJob } from "./glue-database-job";
import type { MetadataDatabase } from "../database/metadata-database";
import { keepNames } from "../common/kept-name";
import { physicalName } from "../common/physical-name";
import { PolicyDocument } from "../common/policy-document";
import { ProvedBackupMetric, ProvedBackupMetrics } from "./proved-backup-metrics";

/** Properties of {@link DataLakeAlarms}. */
export interface DataLakeAlarmsProps extends AwsConstructProps, DatabaseThresholds {
  /** The database to watch. */
  readonly database: MetadataDatabase;
  /** The weekly backup to watch. */
  readonly backupJob: GlueDatabaseJob;
  /**
   * Days without a proved backup after which the alarm goes off, 1 to 7; CloudWatch looks back no further. A daily backup may use 1 or 2.
   * @default 7
   * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
   */
  readonly backupAgeDays?: number;
  /**
   * Makes a CloudWatch dashboard: alarms, the last proved backup, the database's load. Three in an account are free.
   * @default true
   * @see https://aws.amazon.com/cloudwatch/pricing/
   */
  readonly dashboard?: boolean;
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
  /**
   * The purge to watch.
   * @default - no purge is watched
   */
  readonly purgeJob?: GlueDatabaseJob;
  /**
   * The restore to watch.
   * @default - no restore is watched
   */
  readonly restoreJob?: GlueDatabaseJob;
  /**
   * Address of your copy of the runbook's folder; each message names a page in it.
   * @default - the pages of this package's documentation
   */
  readonly runbookUrl?: string;
}

const DAY_SECONDS = 86_400;

/**
 * Categories of RDS's events that a person looks after. A change of the configuration is none: each deploy makes some.
 *
 * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html
 */
const DATABASE_EVENTS = ["failover", "failure", "low storage", "maintenance", "recovery"];

/** An alarm on a metric of RDS. */
interface DatabaseAlarm extends WatchedMetric {
  /** Its id. */
  readonly id: string;
  /** Words for what is short. */
  readonly shortOf: string;
  /** The comparison with the threshold. */
  readonly comparisonOperator: string;
}

function databaseAlarmsOf(thresholds: ReturnType<typeof databaseThresholds>): DatabaseAlarm[] {
  const { cpuPercent, memoryBytes, storageBytes, connections } = thresholds;
  const above = "GreaterThanOrEqualToThreshold";
  const below = "LessThanOrEqualToThreshold";
  return [
    {
      id: "Cpu",
      shortOf: "processor",
      title: "Processor, percent",
      metricName: "CPUUtilization",
      comparisonOperator: above,
      threshold: cpuPercent,
    },
    {
      id: "Memory",
      shortOf: "memory",
      title: "Memory left, bytes",
      metricName: "FreeableMemory",
      comparisonOperator: below,
      threshold: memoryBytes,
    },
    {
      id: "Storage",
      shortOf: "storage",
      title: "Storage left, bytes",
      metricName: "FreeStorageSpace",
      comparisonOperator: below,
      threshold: storageBytes,
    },
    {
      id: "Connections",
      shortOf: "connections",
      title: "Connections",
      metricName: "DatabaseConnections",
      comparisonOperator: above,
      threshold: connections,
    },
  ];
}

/**
 * A topic, and the messages that reach it: a database short of processor, memory, storage or connections, or with an event
 * that a person looks after; a backup, a purge or a restore that failed; days without a proved backup, whatever the reason.
 *
 * Failures come as events, not as job metrics: a run that fails early writes no metric. Each message names its page of the
 * runbook.
 */
export class DataLakeAlarms extends Construct {
  /** The topic's ARN, for more subscriptions. */
  readonly topicArn: string;

  private readonly runbookUrl?: string;

  constructor(scope: Construct, id: string, props: DataLakeAlarmsProps) {
    super(scope, id);
    applyAwsProps(this, props);
    checkConstructProps(this, props, ["database", "backupJob"], ["encryptionKey", "purgeJob", "restoreJob"]);
    checkPattern(this, "email", props.email, /^[^@\s]+@[^@\s]+\.[^@\s]+$/, "an e-mail address");
    checkPattern(
      this,
      "runbookUrl",
      props.runbookUrl,
      /^[^\s"\\<>${}]{1,300}[^\s"\\<>${}/]$/,
      "the address of a folder without a slash at its end, such as https://wiki.example.org/runbook",
    );
    checkInteger(this, "backupAgeDays", props.backupAgeDays, 1, 7);
    this.runbookUrl = props.runbookUrl;
    this.topicArn = this.addTopic(props);
    const { instanceIdentifier } = props.database;
    const databaseAlarms = databaseAlarmsOf(databaseThresholds(this, props.database, props));
    const alarmArns = databaseAlarms.map((alarm) => this.addDatabaseAlarm(instanceIdentifier, alarm));
    this.addDatabaseEvents(instanceIdentifier);
    this.addJobAlarms(props);
    const { namespace } = new ProvedBackupMetrics(this, props.backupJob);
    alarmArns.unshift(this.addBackupAlarm(namespace, props.backupAgeDays ?? 7));
    if (props.dashboard ?? true) {
      addDashboard(this, {
        region: arnScope(this.topicArn).region,
        instanceIdentifier,
        alarmArns,
        databaseMetrics: databaseAlarms,
        provedBackupNamespace: namespace,
      });
    }
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

  private message(alarm: string, page: RunbookPage): AlarmMessage {
    const ownCopy = this.runbookUrl && `${this.runbookUrl}/${page}.md`;
    return { alarm, runbook: ownCopy ?? documentationPage(`runbook/${page}`) };
  }

  private addDatabaseAlarm(
    instanceIdentifier: string,
    { id, shortOf, metricName, comparisonOperator, threshold }: DatabaseAlarm,
  ): string {
    const alarm = `Database: short of ${shortOf} for 15 minutes.`;
    return this.addAlarm(id, {
      alarmDescription: alarmDescription(this.message(alarm, "database-load")),
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
  }

  /** @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-cloud-watch-events.html */
  private addDatabaseEvents(instanceIdentifier: string): void {
    const message = this.message("Database event, as RDS reports it.", "database-load");
    this.addRule("DatabaseEvents", databaseEventTransformer(message), `RDS: ${DATABASE_EVENTS.join(", ")}`, {
      source: ["aws.rds"],
      "detail-type": ["RDS DB Instance Event"],
      detail: { SourceIdentifier: [instanceIdentifier], EventCategories: DATABASE_EVENTS },
    });
  }

  private addJobAlarms({ backupJob, purgeJob, restoreJob }: DataLakeAlarmsProps): void {
    const rule = (id: string, job: GlueDatabaseJob, alarm: string, page: RunbookPage): void =>
      this.addJobRule(id, job.jobName, this.message(alarm, page));
    rule("BackupFailed", backupJob, "Backup failed: this run proved nothing.", "backup-failed");
    if (purgeJob) rule("PurgeFailed", purgeJob, "Purge failed, or kept rows.", "purge-or-restore-failed");
    if (restoreJob) {
      rule("RestoreFailed", restoreJob, "Restore failed, or left rows out.", "purge-or-restore-failed");
    }
  }

  /** @see https://docs.aws.amazon.com/glue/latest/dg/automating-awsglue-with-cloudwatch-events.html */
  private addJobRule(id: string, jobName: string, message: AlarmMessage): void {
    const state = ["FAILED", "STOPPED", "TIMEOUT"];
    this.addRule(id, jobRunTransformer(message), `Glue job run: ${state.join(", ")}`, {
      source: ["aws.glue"],
      "detail-type": ["Glue Job State Change"],
      detail: { jobName: [jobName], state },
    });
  }

  /** Watches what the job writes once a snapshot is committed, not its state: a dry run succeeds, too. */
  private addBackupAlarm(namespace: string, days: number): string {
    const alarm = `No proved backup for ${days === 1 ? "a day" : `${days} days`}.`;
    return this.addAlarm("NoBackup", {
      alarmDescription: alarmDescription(this.message(alarm, "no-proved-backup")),
      namespace,
      metricName: ProvedBackupMetric.COUNT,
      statistic: "Sum",
      comparisonOperator: "LessThanThreshold",
      threshold: 1,
      period: DAY_SECONDS,
      evaluationPeriods: days,
      treatMissingData: "breaching",
    });
  }

  private addRule(
    id: string,
    inputTransformer: CloudwatchEventTargetInputTransformer,
    description: string,
    eventPattern: Record<string, unknown>,
  ): void {
    const rule = new CloudwatchEventRule(this, id, {
      name: `${physicalName(this, 40)}-${id}`,
      description,
      eventPattern: Fn.jsonencode(eventPattern),
    });
    keepNames(rule, "name");
    new CloudwatchEventTarget(this, `${id}Target`, { rule: rule.name, arn: this.topicArn, inputTransformer });
  }

  private addAlarm(id: string, config: Omit<CloudwatchMetricAlarmConfig, "alarmName">): string {
    const actions = [this.topicArn];
    const alarm = new CloudwatchMetricAlarm(this, id, {
      ...config,
      alarmName: `${physicalName(this, 200)}-${id}`,
      alarmActions: actions,
      okActions: actions,
    });
    keepNames(alarm, "alarm_name");
    return alarm.arn;
  }
}
