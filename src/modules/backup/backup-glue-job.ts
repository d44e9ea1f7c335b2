import type { Construct } from "constructs";
import { GlueTrigger } from "@cdktf/provider-aws/lib/glue-trigger";
import type { ArchivePolicyProps } from "../common/data-model";
import { nameOf } from "../common/data-model";
import { checkOneOf, checkProps } from "../common/checks";
import { storeFolders } from "../common/job-contract";
import { addBackups } from "./backups-of-database";
import type { IBackupBucket } from "../storage/bucket-base";
import type { GlueDatabaseJobProps } from "./glue-database-job";
import { GlueDatabaseJob, storeAddress } from "./glue-database-job";
import type { IGrantee } from "../common/grantee";
import { checkArchiveAge, leastAge, policiesOf, policyArguments, tableArguments } from "./job-policies";
import { checkSchedule } from "./schedule";
import { pathText } from "../common/physical-name";
import { ValidationError } from "../common/validation-error";

/** Starter of the job. */
export const Scheduler = {
  /** A trigger of Glue's, by `schedule`. */
  GLUE: "glue",
  /** Something else, such as Airflow: see `grantStart`. */
  EXTERNAL: "external",
} as const;
/** A value of {@link Scheduler}. */
export type Scheduler = (typeof Scheduler)[keyof typeof Scheduler];

/** Properties of {@link BackupGlueJob}. */
export interface BackupGlueJobProps extends GlueDatabaseJobProps, ArchivePolicyProps {
  /**
   * Days after which a row that a policy reaches is also written to the archive, from which it may be purged; 2 or more. A
   * run may ask for more, and gets no less.
   * @default - nothing is archived
   */
  readonly archiveOlderThanDays?: number;
  /**
   * The MySQL user that reads the tables; `SELECT` is all that it needs.
   * @default "xray_backup"
   */
  readonly databaseUser?: string;
  /**
   * Tables that are left out of the backup; the manifest names them.
   * @default - none
   */
  readonly excludeTables?: readonly string[];
  /**
   * Schedule of the trigger, in UTC.
   * @default "cron(0 3 ? * SUN *)" - each Sunday at three
   * @see https://docs.aws.amazon.com/glue/latest/dg/monitor-data-warehouse-schedule.html
   */
  readonly schedule?: string;
  /**
   * Starter of the job.
   * @default Scheduler.GLUE
   */
  readonly scheduler?: Scheduler;
  /**
   * The tables that are backed up; the manifest names the others.
   * @default - every table of the schema
   */
  readonly tables?: readonly string[];
}

/**
 * The weekly backup of the metadata: a Glue job that reads the tables, writes them as Parquet below the bucket's backup
 * prefix, reads them again and compares, and only then commits the backup with a manifest.
 *
 * @example
 * new BackupGlueJob(this, "Backup", { bucket, database, network, encryptionKey: key });
 */
export class BackupGlueJob extends GlueDatabaseJob {
  /** The trigger that starts the job on demand: `aws glue start-trigger --name …`. */
  readonly onDemandTriggerName: string;

  private readonly backupBucket: IBackupBucket;
  private readonly onDemandTrigger: GlueTrigger;

  constructor(scope: Construct, id: string, props: BackupGlueJobProps) {
    checkProps(scope, id, props);
    const archiveAge = leastAge(props, props.archiveOlderThanDays);
    super(scope, id, props, {
      job: "backup",
      description: "Backs the metadata up to S3 and proves the copy",
      username: props.databaseUser ?? "xray_backup",
      arguments: archiveAge === undefined ? {} : { "--archive_older_than_days": String(archiveAge) },
      fixed: (job) => ({
        ...policyArguments(job, props, { prop: "archiveOlderThanDays", days: props.archiveOlderThanDays }),
        ...tableArguments(job, props, archiveAge !== undefined),
      }),
    });
    checkOneOf(this, "scheduler", props.scheduler, Object.values(Scheduler));
    const [, argument] =
      Object.entries(props.arguments ?? {}).find(([name]) => /^--archive.older.than.days$/.test(name)) ?? [];
    const archive = props.archiveOlderThanDays ?? (argument === undefined ? undefined : Number(argument));
    checkArchiveAge(this, props.database, policiesOf(props), { archive });
    this.backupBucket = props.backupBucket ?? props.bucket;
    const archived = archive === undefined && archiveAge === undefined ? [] : policiesOf(props).map(nameOf);
    addBackups(props.database, storeAddress(this.backupBucket), archived);
    this.grantBackup();
    this.schedule(props);
    this.onDemandTrigger = this.addOnDemandTrigger("OnDemandTrigger", "on-demand");
    this.onDemandTriggerName = this.onDemandTrigger.name;
  }

  /**
   * Lets a role or user start the job by its trigger on demand, with the arguments of this construct and no others, follow
   * and stop its runs, and read the manifests: what started the job can look whether it committed a backup.
   */
  grantStart(grantee: IGrantee): void {
    this.grantFollow(grantee);
    grantee.addToPolicy({ actions: ["glue:StartTrigger"], resources: [this.onDemandTrigger.arn] });
    this.backupBucket.grantRead(grantee, storeFolders(this.backupBucket.backupPrefix).manifests);
  }

  /** It can read all backups and add to them, and can replace and delete nothing. */
  private grantBackup(): void {
    const { backupBucket } = this;
    const { root, snapshot, archive, catalog, manifests, locks, checks } = storeFolders(backupBucket.backupPrefix);
    backupBucket.grantRead(this.role, root);
    for (const folder of [snapshot, archive, catalog, manifests, locks, checks]) {
      backupBucket.grantCreate(this.role, folder);
    }
  }

  private schedule(props: BackupGlueJobProps): void {
    if (props.scheduler === Scheduler.EXTERNAL) {
      if (props.schedule === undefined) return;
      throw new ValidationError(
        this,
        `schedule goes with scheduler "glue", got "${props.schedule}" with "external": leave one out`,
      );
    }
    const schedule = props.schedule ?? "cron(0 3 ? * SUN *)";
    checkSchedule(this, schedule);
    new GlueTrigger(this, "Trigger", {
      name: this.jobName,
      description: pathText(this),
      type: "SCHEDULED",
      schedule,
      startOnCreation: true,
      actions: [{ jobName: this.jobName }],
    });
  }
}
