import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import type { TerraformStack } from "cdktf";
import { BackupBucket } from "../../../src/modules/storage/backup-bucket";
import { DataLakeBucket } from "../../../src/modules/storage/data-lake-bucket";
import { DataLakeNetwork } from "../../../src/modules/network/data-lake-network";
import { type IMetadataDatabase, MetadataDatabase } from "../../../src/modules/database/metadata-database";
import { SchemaUser } from "../../../src/modules/database/schema-user";
import type { EraseGlueJobProps } from "../../../src/modules/backup/erase-glue-job";
import { EraseGlueJob } from "../../../src/modules/backup/erase-glue-job";
import type { IBackupBucket } from "../../../src/modules/storage/bucket-base";
import { existingNetwork } from "../../support/constructs";
import { refusal, synthesize } from "../../support/synth";

const build = (props: Partial<EraseGlueJobProps> = {}) =>
  synthesize((scope) => {
    const network = new DataLakeNetwork(scope, "Net");
    const database = new MetadataDatabase(scope, "Db", { network });
    new EraseGlueJob(scope, "Erase", { bucket: new DataLakeBucket(scope, "Lake"), database, network, ...props });
  });

const deletes = (props?: Partial<EraseGlueJobProps>) =>
  build(props)
    .statements("Erase_Role_Policy")
    .filter(({ actions }) => JSON.stringify(actions).includes("DeleteObject"));

test("says what it would do, and is started by nothing", () => {
  const stack = build();
  const { command, default_arguments, non_overridable_arguments } = stack.resource("aws_glue_job");
  expect(command).toMatchObject({ script_location: expect.stringMatching(/\/job_erase\.py$/) as unknown });
  expect(default_arguments).toContain('"--run_mode" = "dry-run"');
  expect(non_overridable_arguments).toContain('"--objects" = "image=s3://{bucket}/{folder}/{image_file}"');
  expect(stack.ids("aws_glue_trigger")).toEqual([]);
});

test("deletes versions of backups and images, and of nothing else", () => {
  const objects = (folder: string) => [`\${join("/", [aws_s3_bucket.Lake.arn, "${folder}", "*"])}`];
  expect(deletes()).toEqual([
    {
      actions: [
        "s3:DeleteObjectVersion",
        "s3:GetObject",
        "s3:GetObjectLegalHold",
        "s3:GetObjectRetention",
        "s3:GetObjectVersion",
      ],
      resources: objects("backup/v1"),
    },
    { actions: ["s3:DeleteObject"], resources: objects("backup/v1") },
    {
      actions: [
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "s3:GetObjectLegalHold",
        "s3:GetObjectRetention",
        "s3:GetObjectVersion",
      ],
      resources: objects("xray-images"),
    },
  ]);
});

test("is the one role that a bucket of backups lets delete and write over", () => {
  const stack = synthesize((scope) => {
    const network = new DataLakeNetwork(scope, "Net");
    const database = new MetadataDatabase(scope, "Db", { network });
    const lake = { bucket: new DataLakeBucket(scope, "Lake"), backupBucket: new BackupBucket(scope, "Backups") };
    new EraseGlueJob(scope, "Erase", { ...lake, database, network, bypassGovernanceRetention: true });
  });
  const denied = stack.statements("Backups_PolicyDocument").filter(({ effect }) => effect === "Deny");
  const exempt = denied.filter(({ condition }) => JSON.stringify(condition ?? []).includes("aws_iam_role.Erase"));
  expect(exempt.map(({ sid }) => sid)).toEqual(["DenyOverwrite", "DenyDeletion", "DenyBypassOfLock"]);
});

test("may delete below governance only where it is told", () => {
  expect(JSON.stringify(build().statements("Erase_Role_Policy"))).not.toContain("BypassGovernanceRetention");
  const bypass = build({ bypassGovernanceRetention: true }).statements("Erase_Role_Policy");
  expect(JSON.stringify(bypass).split("s3:BypassGovernanceRetention")).toHaveLength(3);
});

test("logs in as a user of its own, which reads, deletes and sees what a delete would reach", () => {
  expect(build().resource("aws_secretsmanager_secret").name_prefix).toBe("test-db/xray_erase-");
  const user = SchemaUser.erase({ username: "xray_erase", secretArn: "arn", passwordVersion: 1 });
  const rights = ["SELECT", "DELETE", "TRIGGER"];
  expect([...user.privilegesByTable]).toEqual([
    ["image", rights],
    ["transaction", rights],
    ["pred_bounding_box", rights],
  ]);
  expect(user.onEveryTable).toEqual(["REFERENCES"]);
});

test.each([
  ["the database's", { backupRetentionDays: 21 }, 21],
  ["the database's default", {}, 7],
])("names the days of automated backups: %s", (_, props, days) => {
  const stack = synthesize((scope) => {
    const network = new DataLakeNetwork(scope, "Net");
    const database = new MetadataDatabase(scope, "Db", { network, ...props });
    new EraseGlueJob(scope, "Erase", { bucket: new DataLakeBucket(scope, "Lake"), database, network });
  });
  expect(stack.resource("aws_db_instance").backup_retention_period).toBe(days);
  expect(stack.resource("aws_glue_job").non_overridable_arguments).toContain(`"--database_backup_days" = "${days}"`);
});

test("takes RDS's longest time where nothing says how long automated backups are kept", () => {
  const stack = synthesize((scope) => {
    const network = new DataLakeNetwork(scope, "Net");
    // A database of somebody's own, which need not say it.
    const database = Object.create(new MetadataDatabase(scope, "Db", { network }), {
      backupRetentionDays: { value: undefined },
    }) as IMetadataDatabase;
    new EraseGlueJob(scope, "Erase", { bucket: new DataLakeBucket(scope, "Lake"), database, network });
  });
  expect(stack.resource("aws_glue_job").non_overridable_arguments).toContain('"--database_backup_days" = "35"');
});

describe("with a former bucket of the backups", () => {
  const withFormer = (former: (lake: DataLakeBucket, backups: BackupBucket) => unknown) =>
    synthesize((scope) => {
      const network = new DataLakeNetwork(scope, "Net");
      const database = new MetadataDatabase(scope, "Db", { network });
      const bucket = new DataLakeBucket(scope, "Lake");
      const backupBucket = new BackupBucket(scope, "Backups");
      const formerBackupBuckets = former(bucket, backupBucket) as IBackupBucket[];
      new EraseGlueJob(scope, "Erase", { bucket, backupBucket, formerBackupBuckets, database, network });
    });

  it("erases there as in the bucket of today, which no run can change", () => {
    const stack = withFormer((lake) => [lake]);
    const { non_overridable_arguments } = stack.resource("aws_glue_job");
    expect(non_overridable_arguments).toContain('"--store" = "s3://${aws_s3_bucket.Backups.id}/backup"');
    expect(non_overridable_arguments).toContain('"--former_stores" = "s3://${aws_s3_bucket.Lake.id}/backup"');
    const rights = (bucket: string) =>
      JSON.stringify(stack.statements("Erase_Role_Policy"))
        .split("},{")
        .filter((statement) => statement.includes(`aws_s3_bucket.${bucket}.arn`))
        .filter(
          (statement) => !/xray-images|glue-assets|"s3:ListBucketVersions"\],"resources":\["[^"]*"\]$/.test(statement),
        )
        .map((statement) => statement.replaceAll(`aws_s3_bucket.${bucket}`, "aws_s3_bucket.X"))
        .sort();
    expect(rights("Lake")).toEqual(rights("Backups"));
    expect(rights("Lake").join()).toContain("s3:DeleteObjectVersion");
  });

  it("has no argument for it without one", () => {
    expect(build().resource("aws_glue_job").non_overridable_arguments).not.toContain("former_stores");
  });

  test.each<[string, (lake: DataLakeBucket, backups: BackupBucket) => unknown, string]>([
    ["the bucket of today", (_, backups) => [backups], "must be other buckets than backupBucket, each once"],
    ["one twice", (lake) => [lake, lake], "must be other buckets than backupBucket, each once"],
    ["a bucket alone", (lake) => lake, "must be a list that is known at synth, got a construct"],
    ["a name", () => ["lake"], 'must be a list of buckets with a backupPrefix, got "lake"'],
  ])("refuses %s", (_, former, message) => {
    expect(() => withFormer(former)).toThrow(`test/Erase: formerBackupBuckets ${message}`);
  });
});

describe("buckets of another region", () => {
  const withProvider = (props: (scope: TerraformStack, provider: AwsProvider) => Partial<EraseGlueJobProps>) =>
    refusal((scope) => {
      const provider = new AwsProvider(scope, "ireland", { alias: "ireland", region: "eu-west-1" });
      const network = new DataLakeNetwork(scope, "Net");
      const database = new MetadataDatabase(scope, "Db", { network });
      const bucket = new DataLakeBucket(scope, "Lake");
      new EraseGlueJob(scope, "Erase", { bucket, database, network, ...props(scope, provider) });
    });

  test.each<[string, Parameters<typeof withProvider>[0]]>([
    ["bucket", (scope, provider) => ({ bucket: new DataLakeBucket(scope, "Other", { provider }) })],
    ["backupBucket", (scope, provider) => ({ backupBucket: new BackupBucket(scope, "Other", { provider }) })],
    [
      "formerBackupBuckets",
      (scope, provider) => ({ formerBackupBuckets: [new BackupBucket(scope, "Other", { provider })] }),
    ],
  ])("as %s are refused: the network's endpoint does not lead there", (prop, props) => {
    expect(withProvider(props)).toBe(
      `test/Erase: ${prop} must be a bucket of eu-central-1, the region of the AWS provider, got one of eu-west-1: the ` +
        "network's endpoint for S3 does not lead there, and each run would time out",
    );
  });

  it("are taken in a network with a way of its own", () => {
    const stack = synthesize((scope) => {
      const provider = new AwsProvider(scope, "ireland", { alias: "ireland", region: "eu-west-1" });
      const network = existingNetwork(scope);
      const database = new MetadataDatabase(scope, "Db", { network });
      const backupBucket = new BackupBucket(scope, "Backups", { provider });
      new EraseGlueJob(scope, "Erase", { bucket: new DataLakeBucket(scope, "Lake"), backupBucket, database, network });
    });
    expect(stack.ids("aws_glue_job")).toEqual(["Erase"]);
  });
});

test.each([
  [
    "picture=s3://lake/{image_file}",
    'objects: the data model has no table "picture"; it has image, transaction, pred_bounding_box',
  ],
  [
    "image=s3://lake/{object_key}",
    /^test\/Erase: objects: the table "image" has no column "object_key"; it has image_id, .*image_file/,
  ],
])("refuses objects of a table or a column that the data model does not have: %s", (objects, message) => {
  expect(() => build({ objects })).toThrow(message);
});

test("refuses objects that are no address with columns", () => {
  expect(() => build({ objects: "image=xray-images/{image_file}" })).toThrow(
    'test/Erase: objects must be "none" or table=s3://bucket/key with columns in braces, such as "slide=s3://lake/{object_key}", got "image=xray-images/{image_file}"',
  );
});
