// A lake in each of two regions, in one stack: every construct takes its region's provider. The backups of each region are copied
// to the other one.
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { App, TerraformOutput, TerraformStack } from "cdktf";
import {
  BackupBucket,
  BackupGlueJob,
  DataLakeBucket,
  DataLakeKey,
  DataLakeNetwork,
  MetadataDatabase,
} from "cdktf-xray-data-lake";
import { Construct } from "constructs";

/** A region's key, and its bucket for the backups of the other region. */
class Region extends Construct {
  readonly encryptionKey: DataLakeKey;
  readonly copies: BackupBucket;

  constructor(
    scope: Construct,
    id: string,
    readonly provider: AwsProvider,
  ) {
    super(scope, id);
    this.encryptionKey = new DataLakeKey(this, "Key", { provider });
    this.copies = new BackupBucket(this, "Copies", { provider, encryptionKey: this.encryptionKey });
  }

  addLake(other: Region): void {
    const { provider, encryptionKey } = this;
    const own = { provider, encryptionKey };
    const network = new DataLakeNetwork(this, "Network", { provider });
    const bucket = new DataLakeBucket(this, "Bucket", own);
    const backupBucket = new BackupBucket(this, "Backups", { ...own, replicaBucket: other.copies });
    const database = new MetadataDatabase(this, "Database", { ...own, network });
    new BackupGlueJob(this, "Backup", { ...own, bucket, backupBucket, database, network });
    new TerraformOutput(this, "bucket", { value: bucket.bucketName });
  }
}

class TwoRegionsStack extends TerraformStack {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    const frankfurt = new Region(this, "frankfurt", new AwsProvider(this, "aws", { region: "eu-central-1" }));
    const dublin = new AwsProvider(this, "dublin-provider", { region: "eu-west-1", alias: "dublin" });
    const ireland = new Region(this, "dublin", dublin);
    frankfurt.addLake(ireland);
    ireland.addLake(frankfurt);
  }
}

const app = new App();
new TwoRegionsStack(app, "two-regions");
app.synth();
