// A pathology slide registry: tables of one's own, with the same backup, purge, restore and catalog.
import * as path from "node:path";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { AssetType, TerraformAsset, TerraformOutput, TerraformStack } from "cdktf";
import {
  type ArchivePolicy,
  BackupCatalog,
  BackupGlueJob,
  DataLakeBucket,
  DataLakeKey,
  DataLakeNetwork,
  DataModel,
  EphemeralResource,
  MetadataDatabase,
  MetadataSchema,
  PurgeGlueJob,
  RDS_CA_BUNDLE,
  RestoreGlueJob,
  SchemaUser,
} from "cdktf-xray-data-lake";
import { MysqlProvider } from "cdktf-xray-data-lake/providers/mysql/provider";
import type { Construct } from "constructs";

const region = "eu-central-1";
const dataModel = DataModel.fromFile(path.join(__dirname, "data-model.json"));
/** A slide goes by its scan, with its annotations and their reviews; one that was never scanned stays. */
const policies: ArchivePolicy[] = [{ anchorTable: "slide", timeColumn: "scanned_at" }];

/** AWS: bucket, database, jobs and catalog. */
export class RegistryStack extends TerraformStack {
  readonly database: MetadataDatabase;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    new AwsProvider(this, "aws", { region });
    const encryptionKey = new DataLakeKey(this, "Key");
    const network = new DataLakeNetwork(this, "Network");
    const bucket = new DataLakeBucket(this, "Bucket", { encryptionKey, imagesPrefix: "slides" });
    const database = new MetadataDatabase(this, "Database", { network, encryptionKey, databaseName: "slide_registry" });
    const job = { bucket, database, network, encryptionKey };
    const policy = { dataModel, policies, keptTables: ["tissue", "specimen"] };
    new BackupGlueJob(this, "Backup", { ...job, ...policy, archiveOlderThanDays: 365 });
    new PurgeGlueJob(this, "Purge", { ...job, ...policy, olderThanDays: 365 });
    new RestoreGlueJob(this, "Restore", { ...job, dataModel, policies });
    new BackupCatalog(this, "Catalog", { bucket, encryptionKey, dataModel });
    database.addUser("registry_app");
    new TerraformOutput(this, "bucket", { value: bucket.bucketName });
    this.database = database;
  }
}

/** MySQL: the tables, and the users with the rights that each needs. */
export class RegistrySchemaStack extends TerraformStack {
  constructor(scope: Construct, id: string, { database }: RegistryStack) {
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
      databaseName: database.databaseName,
      migrationsFolder: path.join(__dirname, "migrations"),
      users: [
        SchemaUser.app(database.userSecret("registry_app"), { dataModel }),
        SchemaUser.backup(database.userSecret("xray_backup"), { dataModel }),
        SchemaUser.purge(database.userSecret("xray_purge"), { dataModel, policies }),
        SchemaUser.restore(database.userSecret("xray_restore"), { dataModel }),
      ],
    });
  }
}
