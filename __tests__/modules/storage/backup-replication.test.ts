import { readFileSync } from "node:fs";
import path from "node:path";
import { App, Testing } from "cdktf";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { TerraformStack } from "cdktf";
import { DataLakeKey } from "../../../src/modules/common/data-lake-key";
import { BackupBucket } from "../../../src/modules/storage/backup-bucket";
import type { IReplicaBucket } from "../../../src/modules/storage/backup-replication";
import { refusal, synthesize, synthesizeApp } from "../../support/synth";

const KEY = "arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const OTHER = "arn:aws:s3:::backups-of-ireland";

describe("a bucket with a replica", () => {
  const stack = synthesize((scope) => {
    new BackupBucket(scope, "Backups", {
      encryptionKey: new DataLakeKey(scope, "Key"),
      replicaBucket: { bucketArn: OTHER, encryptionKey: DataLakeKey.fromKeyArn(scope, "OtherKey", KEY) },
    });
  });

  it("copies each new object and its lock, and no deletion", () => {
    expect(stack.resource("aws_s3_bucket_replication_configuration")).toMatchObject({
      bucket: "${aws_s3_bucket.Backups.id}",
      role: "${aws_iam_role.Backups_Replication_Role.arn}",
      rule: [
        {
          status: "Enabled",
          filter: {},
          delete_marker_replication: { status: "Disabled" },
          source_selection_criteria: { sse_kms_encrypted_objects: { status: "Enabled" } },
          destination: { bucket: OTHER, encryption_configuration: { replica_kms_key_id: KEY } },
        },
      ],
      depends_on: ["aws_s3_bucket_versioning.Backups_Versioning"],
    });
  });

  it("copies with a role of S3's that reads here and adds there, and deletes nowhere", () => {
    const statements = stack.statements("Backups_Replication_Role_Policy") as {
      actions: string[];
      resources: string[];
    }[];
    const actions = statements.flatMap((statement) => statement.actions);
    expect(actions.filter((action) => /Delete|PutObject|Bypass|\*/.test(action))).toEqual([]);
    expect(statements).toContainEqual(
      expect.objectContaining({ actions: ["s3:ReplicateObject", "s3:ReplicateTags"], resources: [`${OTHER}/*`] }),
    );
    expect(statements).toContainEqual({
      actions: ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"],
      resources: [KEY],
      condition: [
        {
          test: "StringEquals",
          variable: "kms:ViaService",
          values: [expect.stringMatching(/^s3\..*\.amazonaws\.com$/)],
        },
      ],
    });
  });
});

it("has no replication by default", () => {
  const stack = synthesize((scope) => void new BackupBucket(scope, "Backups"));
  expect(stack.ids("aws_s3_bucket_replication_configuration")).toEqual([]);
});

it("has a role of the name that the page lets in", () => {
  const { prod } = synthesizeApp((app) => {
    const scope = new TerraformStack(app, "prod");
    new AwsProvider(scope, "aws", { region: "eu-central-1" });
    new BackupBucket(scope, "Backups", { replicaBucket: { bucketArn: OTHER } });
  });
  const { name } = prod?.resource("aws_iam_role") as { name: string };
  const page = readFileSync(path.join(__dirname, "../../../docs/modules/backup-bucket.md"), "utf8");
  expect(page).toContain(`allowReplicationFrom("arn:aws:iam::111111111111:role/${name}")`);
});

describe("the other side", () => {
  const ROLE = "arn:aws:iam::111111111111:role/prod-backups-eu-central-1";

  it("lets in the role of another account, into the bucket and the key", () => {
    const stack = synthesize((scope) => {
      const replica = new BackupBucket(scope, "Replica", { encryptionKey: new DataLakeKey(scope, "Key") });
      replica.allowReplicationFrom(ROLE);
    });
    const from = {
      principals: [{ type: "AWS", identifiers: [expect.stringContaining(":root")] }],
      condition: [{ test: "ArnEquals", variable: "aws:PrincipalArn", values: [ROLE] }],
    };
    expect(stack.statements("Replica_PolicyDocument")).toContainEqual(
      expect.objectContaining({ ...from, actions: ["s3:ReplicateObject", "s3:ReplicateTags"] }),
    );
    expect(stack.statements("Key_PolicyDocument")).toContainEqual(
      expect.objectContaining({ ...from, actions: ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"] }),
    );
  });

  it.each(["prod-backups", "arn:aws:iam::111111111111:user/somebody", "*", undefined, null])(
    "refuses %j, which is no role",
    (roleArn) => {
      expect(
        refusal((scope) => {
          new BackupBucket(scope, "Replica").allowReplicationFrom(roleArn as string);
        }),
      ).toContain("roleArn must be the ARN of the other bucket's replicationRole");
    },
  );
});

it.each<[IReplicaBucket, boolean, string]>([
  [{} as IReplicaBucket, false, "replicaBucket must be a BackupBucket, or its bucketArn and encryptionKey, got object"],
  [{ bucketArn: "backups-of-ireland" }, false, "replicaBucket.bucketArn must be the ARN of a bucket"],
  [{ bucketArn: OTHER }, true, "got an encryptionKey of this bucket and none of replicaBucket"],
  [
    { bucketArn: OTHER, encryptionKey: { keyArn: KEY } },
    false,
    "got an encryptionKey of replicaBucket and none of this bucket",
  ],
])("refuses %j where the bucket has a key: %j", (replicaBucket, hasKey, message) => {
  expect(
    refusal((scope) => {
      const encryptionKey = hasKey ? new DataLakeKey(scope, "Key") : undefined;
      new BackupBucket(scope, "Backups", { replicaBucket, encryptionKey });
    }),
  ).toContain(message);
});

it("takes a bucket of another stack, region and provider", () => {
  const app = new App({ outdir: Testing.app().outdir });
  const [other, own] = ["eu-west-1", "eu-central-1"].map((region) => {
    const stack = new TerraformStack(app, region);
    new AwsProvider(stack, "aws", { region });
    return stack;
  }) as [TerraformStack, TerraformStack];
  const replicaBucket = new BackupBucket(other, "Replica", { encryptionKey: new DataLakeKey(other, "Key") });
  new BackupBucket(own, "Backups", { encryptionKey: new DataLakeKey(own, "Key"), replicaBucket });
  app.synth();
  expect(own.dependencies).toEqual([other]);
});
