// Takes over a bucket, a database and a Glue job that were made in the AWS console. Nothing that holds data is made anew.
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import type { TerraformResource } from "cdktf";
import { TerraformOutput, TerraformStack } from "cdktf";
import type { DataLakeSubnet } from "cdktf-xray-data-lake";
import { BackupGlueJob, DataLakeBucket, DataLakeNetwork, MetadataDatabase, Scheduler } from "cdktf-xray-data-lake";
import type { Construct } from "constructs";

/** What was made in the console, as the console shows it. */
export interface HandMadeSetUp {
  readonly bucketName: string;
  readonly imagesFolder: string;
  readonly backupFolder: string;
  readonly dbInstanceIdentifier: string;
  readonly dbInstanceClass: string;
  /** With all its numbers, `8.4.3`. */
  readonly engineVersion: string;
  readonly allocatedStorageGib: number;
  readonly storageEncrypted: boolean;
  readonly masterUsername: string;
  readonly subnetGroupName: string;
  readonly vpcId: string;
  readonly subnets: DataLakeSubnet[];
  /** The public IPv4 address of the VM that the web app runs on. */
  readonly webAppAddress: string;
  readonly jobName: string;
}

export class AdoptedLakeStack extends TerraformStack {
  readonly database: MetadataDatabase;

  constructor(scope: Construct, id: string, handMade: HandMadeSetUp) {
    super(scope, id);
    new AwsProvider(this, "aws", { region: "eu-central-1" });

    const bucket = new DataLakeBucket(this, "Bucket", {
      bucketName: handMade.bucketName,
      imagesPrefix: handMade.imagesFolder,
      backupPrefix: handMade.backupFolder,
    });
    bucket.resource.importFrom(handMade.bucketName);
    for (const setting of ["PublicAccessBlock", "OwnershipControls", "Encryption", "Policy"]) {
      importInto(bucket, setting, handMade.bucketName);
    }
    importInto(bucket, "ImagesFolder", `${handMade.bucketName}/${handMade.imagesFolder}/`);
    importInto(bucket, "BackupFolder", `${handMade.bucketName}/${handMade.backupFolder}/`);

    const network = DataLakeNetwork.fromExisting(this, "Network", {
      vpcId: handMade.vpcId,
      subnets: handMade.subnets,
      createEndpoints: true, // the backup job's way to S3 and to its secret
    });
    const database = new MetadataDatabase(this, "Database", {
      network,
      instanceIdentifier: handMade.dbInstanceIdentifier,
      instanceClass: handMade.dbInstanceClass,
      engineVersion: handMade.engineVersion,
      allocatedStorageGib: handMade.allocatedStorageGib,
      masterUsername: handMade.masterUsername,
      subnetGroupName: handMade.subnetGroupName,
      storageEncrypted: handMade.storageEncrypted,
      publiclyAccessible: true, // the web app comes over the internet, from one address
      allowedCidrs: [`${handMade.webAppAddress}/32`],
    });
    database.resource.importFrom(handMade.dbInstanceIdentifier);
    database.resource.applyImmediately = true; // not in the next maintenance window; take it out after the adoption

    const backupJob = new BackupGlueJob(this, "Backup", {
      bucket,
      database,
      network,
      jobName: handMade.jobName,
      scheduler: Scheduler.EXTERNAL, // Airflow starts it by its name, as before
    });
    backupJob.resource.importFrom(handMade.jobName);

    const appSecret = database.addUser("xray_app");
    new TerraformOutput(this, "xray_app_secret_arn", { value: appSecret.secretArn, staticId: true });
    this.database = database;
  }
}

/** Ids are part of the package's public API: what a construct is made of can be reached by them. */
function importInto(construct: Construct, child: string, remoteId: string): void {
  (construct.node.findChild(child) as TerraformResource).importFrom(remoteId);
}
