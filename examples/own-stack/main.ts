// A data lake in a stack of one's own: every construct of the package, wired by hand.
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { App, AssetType, TerraformAsset, TerraformOutput, TerraformStack } from "cdktf";
import {
  AccessLogsBucket,
  BackupBucket,
  BackupCatalog,
  BackupGlueJob,
  DataLakeAlarms,
  DataLakeBucket,
  DataLakeKey,
  DataLakeNetwork,
  DatabaseBastion,
  EphemeralResource,
  EraseGlueJob,
  GithubActionsRole,
  MetadataDatabase,
  MetadataSchema,
  PurgeGlueJob,
  RDS_CA_BUNDLE,
  RestoreGlueJob,
  Role,
  Scheduler,
  SchemaUser,
  WebIdentityRole,
} from "cdktf-xray-data-lake";
import { MysqlProvider } from "cdktf-xray-data-lake/providers/mysql/provider";

class LakeStack extends TerraformStack {
  readonly database: MetadataDatabase;

  constructor(app: App, id: string) {
    super(app, id);
    new AwsProvider(this, "aws", { region: "eu-central-1" });

    const encryptionKey = new DataLakeKey(this, "Key");
    const network = new DataLakeNetwork(this, "Network", { cidr: "10.20.0.0/20" });
    const serverAccessLogsBucket = new AccessLogsBucket(this, "AccessLogs");
    const bucket = new DataLakeBucket(this, "Bucket", { encryptionKey, serverAccessLogsBucket });
    // Nobody can replace or delete a backup in it before its time.
    const backupBucket = new BackupBucket(this, "Backups", {
      encryptionKey,
      serverAccessLogsBucket,
      snapshotExpirationDays: 400,
    });
    const database = new MetadataDatabase(this, "Database", { network, encryptionKey, multiAz: true });
    // A way in for people, by Systems Manager: npx xray-tunnel own-lake
    const bastion = new DatabaseBastion(this, "Bastion", { database, network, encryptionKey });
    bastion.grantConnect(Role.fromRoleName(this, "Developer", "developer"));
    new TerraformOutput(this, "database_tunnel", { value: bastion.tunnel, staticId: true });

    const job = { bucket, backupBucket, database, network, encryptionKey };
    const backupJob = new BackupGlueJob(this, "Backup", {
      ...job,
      scheduler: Scheduler.EXTERNAL,
      archiveOlderThanDays: 400, // the purge deletes only what is archived
    });
    new PurgeGlueJob(this, "Purge", { ...job, olderThanDays: 400 });
    new RestoreGlueJob(this, "Restore", job);
    new EraseGlueJob(this, "Erase", job); // one patient, for good
    new BackupCatalog(this, "Catalog", { bucket, backupBucket, encryptionKey });
    new DataLakeAlarms(this, "Alarms", { database, backupJob, encryptionKey, email: "on-call@example.org" });

    // The web app runs on Google Cloud: it logs in to AWS as its service account, without an access key.
    new WebIdentityRole(this, "WebApp", {
      bucket,
      secret: database.addUser("xray_app"),
      googleServiceAccountId: "104752890112345678901",
    });
    backupJob.grantStart(Role.fromRoleName(this, "Airflow", "airflow"));

    // Pull requests are planned by this role, which can read no secret and no image.
    new GithubActionsRole(this, "PullRequests", {
      repository: "acme/x-ray",
      environment: "plan",
      plannedStacks: [{ stackName: id, stateBucketName: "acme-xray-state" }],
    });

    new TerraformOutput(this, "bucket", { value: bucket.bucketName });
    this.database = database;
  }
}

class SchemaStack extends TerraformStack {
  constructor(app: App, id: string, { database }: LakeStack) {
    super(app, id);
    new AwsProvider(this, "aws", { region: "eu-central-1" });
    const password = new EphemeralResource(this, "Password", {
      type: "aws_secretsmanager_secret_version",
      arguments: { secret_id: database.masterUserSecretArn },
    });
    const caBundle = new TerraformAsset(this, "CaBundle", { path: RDS_CA_BUNDLE, type: AssetType.FILE });
    new MysqlProvider(this, "mysql", {
      endpoint: `${database.endpoint}:${database.port}`,
      username: database.masterUsername,
      password: `\${jsondecode(${password.attribute("secret_string")}).password}`,
      customTls: [{ caCert: caBundle.path }], // the database takes TLS only
    });
    new MetadataSchema(this, "Schema", {
      users: [
        SchemaUser.app(database.userSecret("xray_app")),
        SchemaUser.backup(database.userSecret("xray_backup")), // each job adds a user of its own
        SchemaUser.purge(database.userSecret("xray_purge")),
        SchemaUser.restore(database.userSecret("xray_restore")),
        SchemaUser.erase(database.userSecret("xray_erase")),
      ],
    });
  }
}

const app = new App();
new SchemaStack(app, "own-schema", new LakeStack(app, "own-lake"));
app.synth();
