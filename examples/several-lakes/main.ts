// Two clinics in one app: network, key and access logs are shared; each has images, findings, backups and a schema of its own.
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
  EphemeralResource,
  MetadataDatabase,
  MetadataSchema,
  PurgeGlueJob,
  RDS_CA_BUNDLE,
  RestoreGlueJob,
  SchemaUser,
} from "cdktf-xray-data-lake";
import { MysqlProvider } from "cdktf-xray-data-lake/providers/mysql/provider";
import { Construct } from "constructs";

const region = "eu-central-1";

interface Shared {
  readonly network: DataLakeNetwork;
  readonly encryptionKey: DataLakeKey;
  readonly serverAccessLogsBucket: AccessLogsBucket;
}

/** A clinic's lake: names derive from the path, so that a second one has others. */
class Lake extends Construct {
  readonly database: MetadataDatabase;

  constructor(scope: Construct, id: string, { network, encryptionKey, serverAccessLogsBucket }: Shared) {
    super(scope, id);
    // The log bucket is of both: each writes into folders of its own.
    const logs = (of: string) => ({ serverAccessLogsBucket, serverAccessLogsPrefix: `${id}/${of}` });
    const bucket = new DataLakeBucket(this, "Bucket", { encryptionKey, ...logs("images") });
    const backupBucket = new BackupBucket(this, "Backups", { encryptionKey, ...logs("backups") });
    this.database = new MetadataDatabase(this, "Database", { network, encryptionKey });
    const job = { bucket, backupBucket, database: this.database, network, encryptionKey };
    const backupJob = new BackupGlueJob(this, "Backup", { ...job, archiveOlderThanDays: 400 });
    const purgeJob = new PurgeGlueJob(this, "Purge", { ...job, olderThanDays: 400 });
    const restoreJob = new RestoreGlueJob(this, "Restore", job);
    new BackupCatalog(this, "Catalog", { bucket, backupBucket, encryptionKey });
    const jobs = { backupJob, purgeJob, restoreJob };
    new DataLakeAlarms(this, "Alarms", { database: this.database, ...jobs, encryptionKey, email: `${id}@example.org` });
    this.database.addUser("xray_app");
    new TerraformOutput(this, "bucket", { value: bucket.bucketName });
  }
}

class ClinicsStack extends TerraformStack {
  readonly lakes: ReadonlyMap<string, Lake>;

  constructor(scope: Construct, id: string, clinics: string[]) {
    super(scope, id);
    new AwsProvider(this, "aws", { region });
    const shared = {
      network: new DataLakeNetwork(this, "Network"),
      encryptionKey: new DataLakeKey(this, "Key"),
      serverAccessLogsBucket: new AccessLogsBucket(this, "AccessLogs"),
    };
    this.lakes = new Map(clinics.map((clinic) => [clinic, new Lake(this, clinic, shared)]));
  }
}

/** One for each database: Terraform configures a MySQL provider from a state that is there. */
class SchemaStack extends TerraformStack {
  constructor(scope: Construct, id: string, { database }: Lake) {
    super(scope, id);
    new AwsProvider(this, "aws", { region });
    const password = new EphemeralResource(this, "Password", {
      type: "aws_secretsmanager_secret_version",
      arguments: { secret_id: database.masterUserSecretArn },
    });
    const caBundle = new TerraformAsset(this, "CaBundle", { path: RDS_CA_BUNDLE, type: AssetType.FILE });
    new MysqlProvider(this, "mysql", {
      endpoint: `${database.endpoint}:${database.port}`,
      username: database.masterUsername,
      password: `\${jsondecode(${password.attribute("secret_string")}).password}`,
      customTls: [{ caCert: caBundle.path }],
    });
    new MetadataSchema(this, "Schema", {
      users: [
        SchemaUser.app(database.userSecret("xray_app")),
        SchemaUser.backup(database.userSecret("xray_backup")),
        SchemaUser.purge(database.userSecret("xray_purge")),
        SchemaUser.restore(database.userSecret("xray_restore")),
      ],
    });
  }
}

const app = new App();
const clinics = new ClinicsStack(app, "clinics", ["north", "south"]);
for (const [clinic, lake] of clinics.lakes) new SchemaStack(app, `${clinic}-schema`, lake);
app.synth();
