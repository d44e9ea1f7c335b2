// A lake on what is there: a network, a key and a bucket of one's own, with one's own tables (those of ../own-data-model). The
// constructs change nothing on them but the policies that are named here.
import * as path from "node:path";
import { KmsKey } from "@cdktf/provider-aws/lib/kms-key";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { RouteTable } from "@cdktf/provider-aws/lib/route-table";
import { RouteTableAssociation } from "@cdktf/provider-aws/lib/route-table-association";
import { S3Bucket } from "@cdktf/provider-aws/lib/s3-bucket";
import { S3BucketVersioningA } from "@cdktf/provider-aws/lib/s3-bucket-versioning";
import { Subnet } from "@cdktf/provider-aws/lib/subnet";
import { Vpc } from "@cdktf/provider-aws/lib/vpc";
import { App, AssetType, TerraformAsset, TerraformOutput, TerraformStack } from "cdktf";
import {
  BackupCatalog,
  BackupGlueJob,
  DataLakeBucket,
  DataLakeKey,
  DataLakeNetwork,
  DataModel,
  EphemeralResource,
  MetadataDatabase,
  MetadataSchema,
  RDS_CA_BUNDLE,
  RestoreGlueJob,
  SchemaUser,
} from "cdktf-xray-data-lake";
import { MysqlProvider } from "cdktf-xray-data-lake/providers/mysql/provider";
import type { Construct } from "constructs";

const region = "eu-central-1";
const account = "123456789012";
const model = path.join(__dirname, "..", "own-data-model");
const dataModel = DataModel.fromFile(path.join(model, "data-model.json"));

/** What a platform team has made. Where it is in another repository, its ids and ARNs stand in the place of these resources. */
class Platform {
  readonly vpc: Vpc;
  readonly subnets: { id: string; availabilityZone: string; routeTableId: string }[];
  readonly key: KmsKey;
  readonly bucket: S3Bucket;

  constructor(stack: TerraformStack) {
    // Endpoints have private names, for which a VPC needs both.
    this.vpc = new Vpc(stack, "vpc", { cidrBlock: "10.30.0.0/20", enableDnsHostnames: true, enableDnsSupport: true });
    this.subnets = ["a", "b"].map((zone, index) => {
      const availabilityZone = `${region}${zone}`;
      const subnet = new Subnet(stack, `subnet-${zone}`, {
        vpcId: this.vpc.id,
        cidrBlock: `10.30.${index}.0/24`,
        availabilityZone,
      });
      const routes = new RouteTable(stack, `routes-${zone}`, { vpcId: this.vpc.id });
      new RouteTableAssociation(stack, `association-${zone}`, { subnetId: subnet.id, routeTableId: routes.id });
      return { id: subnet.id, availabilityZone, routeTableId: routes.id };
    });
    // The account's roles by their own policies, and CloudWatch Logs for the groups of the database and the jobs.
    const statement = (principal: object, actions: string[]) => ({
      Effect: "Allow",
      Principal: principal,
      Action: actions,
      Resource: "*",
    });
    const policy = JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        statement({ AWS: `arn:aws:iam::${account}:root` }, ["kms:*"]),
        statement({ Service: `logs.${region}.amazonaws.com` }, [
          "kms:Encrypt*",
          "kms:Decrypt*",
          "kms:GenerateDataKey*",
        ]),
      ],
    });
    this.key = new KmsKey(stack, "key", { description: "Of the platform", enableKeyRotation: true, policy });
    this.bucket = new S3Bucket(stack, "bucket", { bucket: "pathology-slides-of-the-platform" });
    new S3BucketVersioningA(stack, "versioning", {
      bucket: this.bucket.id,
      versioningConfiguration: { status: "Enabled" },
    });
  }
}

class LakeStack extends TerraformStack {
  readonly database: MetadataDatabase;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    new AwsProvider(this, "aws", { region });
    const platform = new Platform(this);
    const network = DataLakeNetwork.fromExisting(this, "Network", {
      vpcId: platform.vpc.id,
      subnets: platform.subnets,
      createEndpoints: true,
    });
    const encryptionKey = DataLakeKey.fromKeyArn(this, "Key", platform.key.arn);
    const bucket = DataLakeBucket.fromBucketName(this, "Bucket", platform.bucket.bucket, { encryptionKey });
    this.database = new MetadataDatabase(this, "Database", { network, encryptionKey, databaseName: "slide_registry" });
    const job = { bucket, database: this.database, network, encryptionKey, dataModel };
    new BackupGlueJob(this, "Backup", job);
    new RestoreGlueJob(this, "Restore", job);
    new BackupCatalog(this, "Catalog", { bucket, encryptionKey, dataModel });
    this.database.addUser("registry_app");
    new TerraformOutput(this, "bucket_name", { value: bucket.bucketName });
  }
}

class SchemaStack extends TerraformStack {
  constructor(scope: Construct, id: string, { database }: LakeStack) {
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
      migrationsFolder: path.join(model, "migrations"),
      users: [
        SchemaUser.app(database.userSecret("registry_app"), { dataModel }),
        SchemaUser.backup(database.userSecret("xray_backup"), { dataModel }),
        SchemaUser.restore(database.userSecret("xray_restore"), { dataModel }),
      ],
    });
  }
}

const app = new App();
new SchemaStack(app, "slides-schema", new LakeStack(app, "slides"));
app.synth();
