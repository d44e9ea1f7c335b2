import type { IConstruct } from "constructs";
import type { BackupCatalogProps } from "../modules/backup/backup-catalog";
import type { BackupGlueJobProps } from "../modules/backup/backup-glue-job";
import type { BackupBucketProps } from "../modules/storage/backup-bucket";
import { checkInteger, checkOneOf, checkPattern, checkPublicCidr } from "../modules/common/checks";
import type { DataLakeAlarmsProps } from "../modules/backup/data-lake-alarms";
import type { DataLakeBucketProps } from "../modules/storage/data-lake-bucket";
import type { ArchivePolicyProps, DataModel } from "../modules/common/data-model";
import type { DataLakeNetworkProps } from "../modules/network/data-lake-network";
import type { ClientEndpoint, MetadataDatabaseProps } from "../modules/database/metadata-database-props";
import type { EraseGlueJobProps } from "../modules/backup/erase-glue-job";
import type { PurgeGlueJobProps } from "../modules/backup/purge-glue-job";
import type { DatabaseBastionProps } from "../modules/access/database-bastion";
import { DATABASE_USERS, type DatabaseUser } from "./database-users";
import { regionFault } from "../modules/common/rds-authorities";
import { ValidationError } from "../modules/common/validation-error";
import type { WebIdentityRoleProps } from "../modules/access/web-identity-role";

/** Servers that stand for AWS and RDS on this machine. */
export interface LocalEndpoints {
  /** The AWS emulator, for example `http://127.0.0.1:5000`. */
  readonly aws: string;
  /** The MySQL server; the provider takes user and password from MYSQL_USERNAME and MYSQL_PASSWORD. */
  readonly mysql: ClientEndpoint;
  /**
   * A PEM file with the authority of the MySQL server's certificate.
   * @default - the connection is not encrypted
   */
  readonly mysqlCaFile?: string;
}

/** Props of the jobs that archive and purge, which share their policies. */
const JOB_PROPS = [
  "backupBucket",
  "bucket",
  "database",
  "databaseUser",
  "dataModel",
  "encryptionKey",
  "keptTables",
  "network",
  "policies",
  "provider",
] as const;

/** Props of a bucket. */
const BUCKET_PROPS = [
  "encryptionKey",
  "forceDestroy",
  "preventDestroy",
  "provider",
  "serverAccessLogsBucket",
  "serverAccessLogsPrefix",
] as const;

/** Props that the stacks set: the wiring, the protection, and the jobs' users, which the schema stack makes. */
const STACK_PROPS = {
  alarms: ["backupJob", "database", "encryptionKey", "provider", "purgeJob", "restoreJob"],
  backup: JOB_PROPS,
  backupBucket: BUCKET_PROPS,
  bastion: ["database", "encryptionKey", "network", "provider"],
  bucket: BUCKET_PROPS,
  catalog: ["backupBucket", "bucket", "dataModel", "encryptionKey", "forceDestroy", "provider"],
  database: [
    "clientEndpoint",
    "deleteAutomatedBackups",
    "deletionProtection",
    "encryptionKey",
    "network",
    "preventDestroy",
    "provider",
    "skipFinalSnapshot",
  ],
  erase: [...JOB_PROPS, "formerBackupBuckets"],
  network: ["provider"],
  purge: JOB_PROPS,
} as const;

/** Props of a construct without those that the stacks set. */
type Settings<Props, Section extends keyof typeof STACK_PROPS> = Omit<Props, (typeof STACK_PROPS)[Section][number]>;

/**
 * One environment as plain data: where it is, how large, how well guarded. Its stacks are `<name>-data-lake` and
 * `<name>-metadata-schema`.
 */
export interface Environment {
  /** Up to 16 lower-case letters, digits and hyphens; it begins the names of all resources. */
  readonly name: string;
  /** The AWS region, for example `eu-central-1`. */
  readonly region: string;
  /** Makes Terraform, RDS and the database itself refuse to destroy data. */
  readonly protect: boolean;
  /** Loads the sample rows of the hand-made set-up. */
  readonly sampleData: boolean;
  /**
   * The one public network, /24 to /32, that reaches the database from the internet, over TLS, such as `203.0.113.7/32`; only
   * without `protect`. The database then has a public address, with a route to this network alone.
   * @default - none, the database is private
   */
  readonly adminCidr?: string;
  /**
   * Alarms for the database and the jobs, and a dashboard; their settings, `{}` for the defaults.
   * @default - no alarms
   */
  readonly alarms?: Settings<DataLakeAlarmsProps, "alarms">;
  /**
   * Settings of the backup job.
   * @default - those of BackupGlueJob
   */
  readonly backup?: Settings<BackupGlueJobProps, "backup">;
  /**
   * Keeps the backups in a bucket of their own, in which nobody can replace or delete one; its settings, `{}` for the
   * defaults.
   * @default - the backups are in the bucket of the images
   */
  readonly backupBucket?: Settings<BackupBucketProps, "backupBucket">;
  /**
   * Makes an instance through which people reach a private database from outside; its settings, `{}` for the defaults.
   * @default - none
   */
  readonly bastion?: Settings<DatabaseBastionProps, "bastion">;
  /**
   * Settings of the bucket.
   * @default - those of DataLakeBucket
   */
  readonly bucket?: Settings<DataLakeBucketProps, "bucket">;
  /**
   * Settings of the catalog, such as the day of the first backup.
   * @default - those of BackupCatalog
   */
  readonly catalog?: Settings<BackupCatalogProps, "catalog">;
  /**
   * Settings of the database.
   * @default - those of MetadataDatabase
   */
  readonly database?: Settings<MetadataDatabaseProps, "database">;
  /**
   * The tables of the database.
   * @default - those of this package's migrations
   */
  readonly dataModel?: DataModel;
  /**
   * Adds an IAM user for a web app that cannot log in by web identity; it warns at synth.
   * @default false
   */
  readonly imageUploaderUser?: boolean;
  /**
   * Tables that must never be purged: a policy that reaches one is refused.
   * @default - none besides those that no policy reaches
   */
  readonly keptTables?: ArchivePolicyProps["keptTables"];
  /**
   * Deploys to servers on this machine in place of AWS.
   * @default - AWS
   */
  readonly localEndpoints?: LocalEndpoints;
  /**
   * Folder of the migrations with their lock file, where the tables are your own.
   * @default - the migrations of this package
   */
  readonly migrationsFolder?: string;
  /**
   * The SOCKS proxy through which the schema's statements go to a private database, such as `socks5h://127.0.0.1:1080`.
   * @default - none, the variables for HTTP proxies are not looked at either
   */
  readonly mysqlProxy?: string;
  /**
   * Settings of the network.
   * @default - those of DataLakeNetwork
   */
  readonly network?: Settings<DataLakeNetworkProps, "network">;
  /**
   * Settings of the erasing job. It deletes rows and versions for good: give it to nobody who may not.
   * @default - there is no such job, and no such user
   */
  readonly erase?: Settings<EraseGlueJobProps, "erase">;
  /**
   * Numbers of the database users' passwords; a higher one makes a new password. Deploy both stacks after a change.
   * @default - 1 for each user
   */
  readonly passwordVersions?: Readonly<Partial<Record<DatabaseUser | "xray_erase", number>>>;
  /**
   * The rows that are archived and purged by their age.
   * @default - those of `transaction` by `time`; none with a `dataModel` of your own
   */
  readonly policies?: ArchivePolicyProps["policies"];
  /**
   * Settings of the purge job; it deletes only what the backup job archived, see `backup.archiveOlderThanDays`.
   * @default - nothing is ever purged, there is no such job
   */
  readonly purge?: Settings<PurgeGlueJobProps, "purge">;
  /**
   * The bucket for Terraform's state, made by the stack `<name>-state-backend`.
   * @default - state is a file in the folder that the app is run from
   */
  readonly stateBucketName?: string;
  /**
   * The Google service account that the web app runs as, and may upload images as.
   * @default - there is no role for the web app
   */
  readonly webApp?: Pick<WebIdentityRoleProps, "audience" | "googleServiceAccountId">;
}

/** Throws where an environment cannot work; what concerns one construct is checked by that construct. */
export function checkEnvironment(scope: IConstruct, environment: Environment): void {
  const { name, region, protect, localEndpoints } = environment;
  checkPattern(
    scope,
    "name",
    name,
    /^[a-z][a-z0-9-]{0,14}[a-z0-9]$/,
    "2 to 16 lower-case letters, digits and hyphens that start with a letter",
  );
  if (/^sg(-|$)/.test(name)) {
    throw new ValidationError(
      scope,
      `name must not begin with "sg-" or be "sg", got "${name}": EC2 refuses security groups that begin so`,
    );
  }
  const fault = regionFault(region);
  if (fault !== undefined) throw new ValidationError(scope, fault);
  checkPattern(
    scope,
    "localEndpoints.aws",
    localEndpoints?.aws,
    /^https?:\/\/[^\s/]+\/?$/,
    "a URL such as http://127.0.0.1:5000",
  );
  checkInteger(scope, "localEndpoints.mysql.port", localEndpoints?.mysql.port, 1, 65_535);
  if (/^prod/.test(name) && !protect) {
    throw new ValidationError(
      scope,
      `environment "${name}" must have protect: true, got false: its data could be destroyed`,
    );
  }
  if (environment.adminCidr !== undefined && protect) {
    throw new ValidationError(
      scope,
      `adminCidr must be left out with protect: true, got "${environment.adminCidr}": use the bastion`,
    );
  }
  checkPublicCidr(scope, "adminCidr", environment.adminCidr);
  checkStackProps(scope, environment);
  for (const user of Object.keys(environment.passwordVersions ?? {})) {
    checkOneOf(scope, "passwordVersions user", user, [...DATABASE_USERS, ...(environment.erase ? ["xray_erase"] : [])]);
  }
  if (localEndpoints && environment.stateBucketName !== undefined) {
    throw new ValidationError(
      scope,
      `stateBucketName goes with AWS, got "${environment.stateBucketName}" with localEndpoints, whose state is a file: leave one out`,
    );
  }
  const { purge, backup, dataModel, migrationsFolder, policies, sampleData } = environment;
  if (sampleData && dataModel?.isXray === false) {
    throw new ValidationError(
      scope,
      "sampleData must be false with a dataModel of your own, got true: the sample rows are of this package's tables",
    );
  }
  if (dataModel?.isXray === false && migrationsFolder === undefined) {
    throw new ValidationError(
      scope,
      "migrationsFolder must be given with a dataModel of your own, got none: this package's migrations make other tables",
    );
  }
  const haveAges = policies?.every(({ olderThanDays }) => olderThanDays !== undefined) ?? false;
  if (purge !== undefined && backup?.archiveOlderThanDays === undefined && !haveAges) {
    throw new ValidationError(
      scope,
      "purge needs backup.archiveOlderThanDays, got none: it deletes only what is archived",
    );
  }
}

/** The type of Environment leaves these props out, and a value that was typed otherwise still brings them along. */
function checkStackProps(scope: IConstruct, environment: Environment): void {
  for (const [section, props] of Object.entries(STACK_PROPS)) {
    const settings = environment[section as keyof typeof STACK_PROPS] ?? {};
    const set = props.filter((prop) => prop in settings).map((prop) => `${section}.${prop}`);
    if (set.length > 0) throw new ValidationError(scope, `${set.join(", ")} must be left out: the stacks set it`);
  }
}
