import { TerraformVariable, Token } from "cdktf";
import type { TerraformStack } from "cdktf";
import {
  AccessLogsBucket,
  BackupCatalog,
  BackupGlueJob,
  DataLakeBucket,
  DataLakeNetwork,
  MetadataDatabase,
  ObjectLockMode,
  PurgeGlueJob,
  StorageClass,
} from "../../../src";
import { refusal, synthesize } from "../../support/synth";

const variable = (scope: TerraformStack, id: string, type: string) => new TerraformVariable(scope, id, { type });
const number = (scope: TerraformStack, id = "days") => variable(scope, id, "number").numberValue;
const text = (scope: TerraformStack, id = "text") => variable(scope, id, "string").stringValue;
const list = (scope: TerraformStack) => variable(scope, "list", "list(string)").listValue;

const wiring = (scope: TerraformStack) => {
  const network = new DataLakeNetwork(scope, "Net");
  return {
    network,
    bucket: new DataLakeBucket(scope, "Lake"),
    database: new MetadataDatabase(scope, "Db", { network }),
  };
};

/** Message for a refused list, whatever the list is of. */
const known = (path: string, prop: string) =>
  `test/${path}: ${prop} must be a list that is known at synth, got a token`;

describe("numbers as tokens", () => {
  it("reach the jobs' arguments as their value", () => {
    const stack = synthesize((scope) => {
      const all = wiring(scope);
      const days = number(scope);
      new BackupGlueJob(scope, "Backup", {
        ...all,
        archiveOlderThanDays: days,
        arguments: { "--connections": `${days}` },
      });
      new PurgeGlueJob(scope, "Purge", { ...all, olderThanDays: days });
    });
    const { default_arguments: backup } = stack.resource("aws_glue_job", "Backup");
    expect(backup).toContain('"--archive_older_than_days" = "${var.days}"');
    expect(backup).toContain('"--connections" = "${var.days}"');
    expect(stack.text).toContain('\\"--older_than_days\\" = \\"${var.days}\\"');
    expect(stack.text).not.toMatch(/"var\.days|e\+\d{3}/);
  });

  it("work for transitions, expirations, retentions, sizes and ports", () => {
    const stack = synthesize((scope) => {
      const days = number(scope);
      const network = new DataLakeNetwork(scope, "Net");
      const bucket = new DataLakeBucket(scope, "Lake", {
        abortIncompleteMultipartUploadDays: days,
        imageTransitions: [
          { storageClass: StorageClass.INFREQUENT_ACCESS, transitionAfterDays: days },
          { storageClass: StorageClass.INTELLIGENT_TIERING, transitionAfterDays: 100 },
          { storageClass: StorageClass.GLACIER_INSTANT_RETRIEVAL, transitionAfterDays: days },
        ],
        noncurrentVersionExpirationDays: days,
        objectLockDefaultRetention: { mode: ObjectLockMode.GOVERNANCE, days },
        snapshotExpirationDays: days,
      });
      new AccessLogsBucket(scope, "Logs", { expirationDays: days });
      new BackupCatalog(scope, "Catalog", { bucket, bytesScannedCutoffGib: days });
      new MetadataDatabase(scope, "Db", {
        network,
        allocatedStorageGib: days,
        maxAllocatedStorageGib: days,
        backupRetentionDays: days,
        logRetentionDays: days,
        clientEndpoint: { host: text(scope), port: days },
      }).addUser("xray_app");
    });
    const [, images] = stack.resource("aws_s3_bucket_lifecycle_configuration", "Lake_Lifecycle").rule as [
      unknown,
      unknown,
    ];
    expect(images).toMatchObject({ transition: [{ days: "${var.days}" }, { days: 100 }, { days: "${var.days}" }] });
    expect(stack.resource("aws_athena_workgroup").configuration).toMatchObject({
      bytes_scanned_cutoff_per_query: "${(var.days * 1073741824)}",
    });
    expect(stack.resource("aws_db_instance")).toMatchObject({ backup_retention_period: "${var.days}" });
    expect(stack.resource("aws_secretsmanager_secret_version").secret_string_wo).toContain('"port" = var.days');
    expect(stack.text).not.toMatch(/e\+\d{3}/);
  });

  it("are compared where both are known only", () => {
    expect(
      refusal((scope) => {
        new DataLakeBucket(scope, "Lake", {
          imageTransitions: [
            { storageClass: StorageClass.GLACIER_INSTANT_RETRIEVAL, transitionAfterDays: number(scope) },
            { storageClass: StorageClass.INFREQUENT_ACCESS, transitionAfterDays: 100 },
          ],
        });
      }),
    ).toBe(
      "test/Lake: imageTransitions must go from STANDARD_IA to INTELLIGENT_TIERING to GLACIER_IR, got STANDARD_IA after GLACIER_IR",
    );
  });

  it("leave a storage class to Terraform", () => {
    const stack = synthesize((scope) => {
      new DataLakeBucket(scope, "Lake", {
        imageTransitions: [
          { storageClass: text(scope) as StorageClass, transitionAfterDays: 30 },
          { storageClass: StorageClass.INFREQUENT_ACCESS, transitionAfterDays: 60 },
        ],
      });
    });
    expect(stack.text).toContain('"storage_class": "${var.text}"');
  });
});

describe("lists as tokens", () => {
  it("are the first two zones", () => {
    const stack = synthesize((scope) => void new DataLakeNetwork(scope, "Net", { availabilityZones: list(scope) }));
    expect([1, 2].map((index) => stack.resource("aws_subnet", `Net_PrivateSubnet${index}`).availability_zone)).toEqual([
      "${var.list.0}",
      "${var.list.1}",
    ]);
  });

  it("are refused where each entry makes a resource", () => {
    const subnet = { id: "subnet-1", availabilityZone: "a", routeTableId: "rtb-1" };
    const subnets = [subnet, { ...subnet, id: "subnet-2", availabilityZone: "b" }];
    const existing = (props: object) => (scope: TerraformStack) =>
      DataLakeNetwork.fromExisting(scope, "Net", { vpcId: "vpc-1", subnets, ...props });
    const token = ["#{TfToken[TOKEN.0]}"];
    expect(
      refusal((scope) => {
        new MetadataDatabase(scope, "Db", { network: new DataLakeNetwork(scope, "Net"), allowedCidrs: list(scope) });
      }),
    ).toBe(known("Db", "allowedCidrs"));
    expect(refusal(existing({ subnets: token }))).toBe(known("Net", "subnets"));
    expect(refusal(existing({ publicSubnets: token }))).toBe(known("Net", "publicSubnets"));
    expect(
      refusal((scope) => {
        const imageTransitions = Token.asAny(variable(scope, "list", "any").value) as never;
        new DataLakeBucket(scope, "Lake", { imageTransitions });
      }),
    ).toBe(known("Lake", "imageTransitions"));
    expect(refusal(existing({ subnets: "subnet-1" }))).toBe(
      'test/Net: subnets must be a list that is known at synth, got "subnet-1"',
    );
  });
});
