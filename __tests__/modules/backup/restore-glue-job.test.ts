import { BackupBucket } from "../../../src/modules/storage/backup-bucket";
import { DataLakeBucket } from "../../../src/modules/storage/data-lake-bucket";
import { DataLakeNetwork } from "../../../src/modules/network/data-lake-network";
import { MetadataDatabase } from "../../../src/modules/database/metadata-database";
import type { RestoreGlueJobProps } from "../../../src/modules/backup/restore-glue-job";
import { RestoreGlueJob } from "../../../src/modules/backup/restore-glue-job";
import { synthesize } from "../../support/synth";

const build = (props: Partial<RestoreGlueJobProps> = {}) =>
  synthesize((scope) => {
    const network = new DataLakeNetwork(scope, "Net");
    const database = new MetadataDatabase(scope, "Db", { network });
    new RestoreGlueJob(scope, "Restore", { bucket: new DataLakeBucket(scope, "Lake"), database, network, ...props });
  });

test("says what it would do, from the newest snapshot, and is started by nothing", () => {
  const stack = build();
  const { command, default_arguments } = stack.resource("aws_glue_job");
  expect(command).toMatchObject({ script_location: expect.stringMatching(/\/job_restore\.py$/) as unknown });
  expect(default_arguments).toContain('"--backups" = "latest", "--run_mode" = "dry-run"');
  expect(stack.ids("aws_glue_trigger")).toEqual([]);
});

test("reads all backups, writes its lock, its record and its checks, deletes nothing", () => {
  const onBucket = build()
    .statements("Restore_Role_Policy")
    .filter(({ resources }) => JSON.stringify(resources).includes("backup/v1"));
  const objects = (folder: string) => [`\${join("/", [aws_s3_bucket.Lake.arn, "backup/v1${folder}", "*"])}`];
  const create = (folder: string) => [
    {
      actions: ["s3:PutObject"],
      resources: objects(folder),
      condition: [{ test: "Null", variable: "s3:if-none-match", values: ["false"] }],
    },
    {
      actions: ["s3:PutObject"],
      resources: objects(folder),
      condition: [{ test: "Bool", variable: "s3:ObjectCreationOperation", values: ["false"] }],
    },
    { actions: ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"], resources: objects(folder) },
  ];
  expect(onBucket).toEqual([
    { actions: ["s3:GetObject"], resources: objects("") },
    ...create("/_locks"),
    ...create("/_restores"),
    ...create("/_checks"),
  ]);
});

test("logs in as a user of its own", () => {
  expect(build().resource("aws_secretsmanager_secret").name_prefix).toBe("test-db/xray_restore-");
  expect(build({ databaseUser: "mender" }).resource("aws_secretsmanager_secret").name_prefix).toBe("test-db/mender-");
});

test("refuses its own arguments from outside", () => {
  expect(() => build({ arguments: { "--run-mode": "execute" } })).toThrow(
    "test/Restore: argument --run-mode is set by the construct or by Glue: leave it out",
  );
});

test("keeps backups in a bucket of their own, and its code in the lake's", () => {
  const stack = synthesize((scope) => {
    const network = new DataLakeNetwork(scope, "Net");
    const database = new MetadataDatabase(scope, "Db", { network });
    const bucket = new DataLakeBucket(scope, "Lake");
    const backupBucket = new BackupBucket(scope, "Backups", { backupPrefix: "copies" });
    new RestoreGlueJob(scope, "Restore", { bucket, backupBucket, database, network });
  });
  const { non_overridable_arguments: fixed, command } = stack.resource("aws_glue_job") as Record<string, unknown>;
  expect(JSON.stringify(fixed)).toContain("s3://${aws_s3_bucket.Backups.id}/copies");
  expect(JSON.stringify(command)).toContain("s3://${aws_s3_bucket.Lake.id}/glue-assets/");
  const written = stack
    .statements("Restore_Role_Policy")
    .filter(({ actions }) => `${actions as string[]}` === "s3:PutObject");
  expect(JSON.stringify(written)).not.toContain("aws_s3_bucket.Lake");
});
