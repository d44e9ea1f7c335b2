import type { Construct } from "constructs";
import { TerraformOutput } from "cdktf";
import { AccessLogsBucket } from "../modules/storage/access-logs-bucket";
import { BackupBucket } from "../modules/storage/backup-bucket";
import { BackupCatalog } from "../modules/backup/backup-catalog";
import { BackupGlueJob } from "../modules/backup/backup-glue-job";
import { DatabaseBastion } from "../modules/access/database-bastion";
import { DataLakeAlarms } from "../modules/backup/data-lake-alarms";
import { DataLakeBucket, PublicAccess } from "../modules/storage/data-lake-bucket";
import { rdsBundleUrl } from "../modules/common/rds-authorities";
import { DataLakeKey } from "../modules/common/data-lake-key";
import { DataLakeNetwork } from "../modules/network/data-lake-network";
import type { IDatabaseSecret } from "../modules/database/database-secret";
import { ImageUploaderUser } from "../modules/access/image-uploader-user";
import { MetadataDatabase } from "../modules/database/metadata-database";
import { EraseGlueJob } from "../modules/backup/erase-glue-job";
import { PurgeGlueJob } from "../modules/backup/purge-glue-job";
import { RestoreGlueJob } from "../modules/backup/restore-glue-job";
import { WebIdentityRole } from "../modules/access/web-identity-role";
import { DATABASE_USERS, type DatabaseUser } from "./database-users";
import type { Environment } from "./environment";
import { EnvironmentStack } from "./environment-stack";

/** The AWS side of an environment: key, network, bucket, database, secrets, backup job and alarms. */
export class DataLakeStack extends EnvironmentStack {
  /** The bucket of the images. */
  readonly bucket: DataLakeBucket;
  /** Bucket of the backups, where it is not that of the images. */
  readonly backupBucket?: BackupBucket;
  /** The database of the metadata. */
  readonly database: MetadataDatabase;
  /** The weekly backup. */
  readonly backupJob: BackupGlueJob;
  /** The job that puts backups back. */
  readonly restoreJob: RestoreGlueJob;
  /**
   * The job that deletes archived rows.
   * @default - none
   */
  readonly purgeJob?: PurgeGlueJob;
  /**
   * The job that erases chosen rows for good.
   * @default - none
   */
  readonly eraseJob?: EraseGlueJob;
  /**
   * The log-in of the erasing job's user.
   * @default - none
   */
  readonly eraseSecret?: IDatabaseSecret;
  /** Tables for Athena. */
  readonly catalog: BackupCatalog;
  /** The log-ins of the database's users. */
  readonly secrets: Record<DatabaseUser, IDatabaseSecret>;
  /** Bastion host of the database. */
  readonly bastion?: DatabaseBastion;
  /** AWS role of the web app. */
  readonly webAppRole?: WebIdentityRole;
  /** IAM user of a web app without an identity that AWS could trust. */
  readonly imageUploaderUser?: ImageUploaderUser;

  constructor(scope: Construct, environment: Environment) {
    super(scope, environment, "data-lake");
    const { adminCidr, protect } = environment;
    const destroyable = { preventDestroy: protect, forceDestroy: !protect };

    const encryptionKey = new DataLakeKey(this, "Key", {
      preventDestroy: protect,
      deletionWindowInDays: protect ? 30 : 7,
    });
    const network = new DataLakeNetwork(this, "Network", {
      ...environment.network,
      ...(environment.network?.flowLogs && { flowLogs: { ...environment.network.flowLogs, encryptionKey } }),
      ...(adminCidr !== undefined && { internetCidrs: [adminCidr] }),
    });
    const { publicAccess = PublicAccess.NONE } = environment.bucket ?? {};
    const accessLogs = new AccessLogsBucket(this, "AccessLogs", destroyable);
    this.bucket = new DataLakeBucket(this, "Bucket", {
      ...environment.bucket,
      ...destroyable,
      // Anonymous requests cannot use a KMS key.
      encryptionKey: publicAccess === PublicAccess.NONE ? encryptionKey : undefined,
      serverAccessLogsBucket: accessLogs,
    });
    if (environment.backupBucket) {
      this.backupBucket = new BackupBucket(this, "Backups", {
        ...environment.backupBucket,
        ...destroyable,
        encryptionKey,
        serverAccessLogsBucket: accessLogs,
      });
    }
    const database = new MetadataDatabase(this, "Database", {
      ...environment.database,
      ...(adminCidr !== undefined && {
        publiclyAccessible: true,
        allowedCidrs: [...(environment.database?.allowedCidrs ?? []), adminCidr],
      }),
      clientEndpoint: environment.localEndpoints?.mysql,
      network,
      encryptionKey,
      preventDestroy: protect,
      deletionProtection: protect,
      deleteAutomatedBackups: !protect,
      skipFinalSnapshot: !protect,
    });
    this.database = database;
    this.secrets = Object.fromEntries(
      DATABASE_USERS.map((user) => [
        user,
        database.addUser(user, { passwordVersion: environment.passwordVersions?.[user] }),
      ]),
    ) as Record<DatabaseUser, IDatabaseSecret>;
    if (environment.erase) {
      this.eraseSecret = database.addUser("xray_erase", { passwordVersion: environment.passwordVersions?.xray_erase });
    }
    if (environment.bastion) {
      this.bastion = new DatabaseBastion(this, "Bastion", { ...environment.bastion, database, network, encryptionKey });
    }
    const { dataModel, policies, keptTables } = environment;
    const wiring = {
      bucket: this.bucket,
      backupBucket: this.backupBucket,
      database,
      network,
      encryptionKey,
      dataModel,
    };
    const aging = { ...wiring, policies, keptTables };
    this.backupJob = new BackupGlueJob(this, "Backup", { ...environment.backup, ...aging });
    this.restoreJob = new RestoreGlueJob(this, "Restore", { ...wiring, policies });
    if (environment.purge) this.purgeJob = new PurgeGlueJob(this, "Purge", { ...environment.purge, ...aging });
    if (environment.erase) {
      this.eraseJob = new EraseGlueJob(this, "Erase", {
        ...environment.erase,
        ...wiring,
        policies,
        // Backups from before the environment had a bucket for them.
        formerBackupBuckets: this.backupBucket && [this.bucket],
      });
    }
    this.catalog = new BackupCatalog(this, "Catalog", { ...environment.catalog, ...wiring, forceDestroy: !protect });
    const app = { bucket: this.bucket, secret: this.secrets.xray_app };
    if (environment.webApp) this.webAppRole = new WebIdentityRole(this, "WebApp", { ...environment.webApp, ...app });
    if (environment.imageUploaderUser) this.imageUploaderUser = new ImageUploaderUser(this, "ImageUploader", app);
    if (environment.alarms) {
      const { backupJob, purgeJob, restoreJob } = this;
      const jobs = { backupJob, purgeJob, restoreJob };
      new DataLakeAlarms(this, "Alarms", { ...environment.alarms, ...jobs, database, encryptionKey });
    }
    this.addOutputs();
  }

  private addOutputs(): void {
    const {
      bucket,
      backupBucket: backups = bucket,
      database,
      backupJob,
      restoreJob,
      purgeJob,
      catalog,
      secrets,
      webAppRole,
      imageUploaderUser,
    } = this;
    const outputs: Record<string, unknown> = {
      bucket: bucket.bucketName,
      images_prefix: bucket.imagesPrefix,
      backup_bucket: backups.bucketName,
      backup_prefix: backups.backupPrefix,
      database_endpoint: database.endpoint,
      database_port: database.port,
      master_user_secret_arn: database.masterUserSecretArn,
      user_secret_arns: Object.fromEntries(Object.entries(secrets).map(([user, secret]) => [user, secret.secretArn])),
      backup_job_name: backupJob.jobName,
      backup_trigger_name: backupJob.onDemandTriggerName,
      restore_job_name: restoreJob.jobName,
      ...(purgeJob && { purge_job_name: purgeJob.jobName, purge_trigger_names: purgeJob.triggerNames }),
      ...(this.eraseJob && { erase_job_name: this.eraseJob.jobName }),
      athena_workgroup: catalog.workgroupName,
      ...(this.bastion && { database_tunnel: this.bastion.tunnel }),
      ...(webAppRole && { web_app_role_arn: webAppRole.roleArn }),
      ...(imageUploaderUser && { image_uploader_user_name: imageUploaderUser.userName }),
      // Fields of MySQL Workbench's "Setup New Connection"; the password is in the secret.
      mysql_workbench: {
        hostname: database.endpoint,
        port: database.port,
        username: database.masterUsername,
        password_secret_arn: database.masterUserSecretArn,
        default_schema: database.databaseName,
        use_ssl: "Require and Verify Identity",
        ssl_ca_file: rdsBundleUrl(this.environment.region),
      },
    };
    for (const [id, value] of Object.entries(outputs)) new TerraformOutput(this, id, { value, staticId: true });
  }
}
