import { BackupBucket } from "../../../src/modules/storage/backup-bucket";
import { DataLakeBucket } from "../../../src/modules/storage/data-lake-bucket";
import { DataLakeNetwork } from "../../../src/modules/network/data-lake-network";
import { type IMetadataDatabase, MetadataDatabase } from "../../../src/modules/database/metadata-database";
import { SchemaUser } from "../../../src/modules/database/schema-user";
import type { EraseGlueJobProps } from "../../../src/modules/backup/erase-glue-job";
import { EraseGlueJob } from "../../../src/modules/backup/erase-glue-job";
import { synthesize } from "../../support/synth";

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

test("refuses objects that are no address with columns", () => {
  expect(() => build({ objects: "image=xray-images/{image_file}" })).toThrow(
    'test/Erase: objects must be "none" or table=s3://bucket/key with columns in braces, such as "slide=s3://lake/{object_key}", got "image=xray-images/{image_file}"',
  );
});
