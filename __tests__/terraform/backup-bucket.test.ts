import { ListObjectVersionsCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { TerraformOutput, TerraformStack } from "cdktf";
import { LOCAL_REGION } from "../../local/environment/aws-clients";
import { type Emulator, startEmulator } from "../../local/servers/aws/emulator";
import {
  BackupBucket,
  BackupCatalog,
  BackupGlueJob,
  DataLakeBucket,
  DataLakeKey,
  DataLakeNetwork,
  EraseGlueJob,
  MetadataDatabase,
  PurgeGlueJob,
  RestoreGlueJob,
} from "../../src";
import { type PlanCounts, StackFolder } from "./support/stack-folder";

jest.setTimeout(8 * 60_000);

const NOTHING: PlanCounts = { imported: [], changed: [], add: 0, destroy: 0, replace: 0 };
const OBJECTS = ["_manifests/first.json", "archive/image/part-0.jsonl.gz", "snapshot/first/image/part-0.jsonl.gz"];

let emulator: Emulator;
let folder: StackFolder;
let s3: S3Client;

const synthesize = (ownBucket: boolean) =>
  folder.synthesize((app) => {
    const stack = new TerraformStack(app, "clinic");
    new AwsProvider(stack, "aws", { region: LOCAL_REGION });
    const encryptionKey = new DataLakeKey(stack, "Key", { preventDestroy: false });
    const network = new DataLakeNetwork(stack, "Network");
    const bucket = new DataLakeBucket(stack, "Bucket", { encryptionKey });
    const database = new MetadataDatabase(stack, "Database", { network, encryptionKey });
    const backupBucket = ownBucket ? new BackupBucket(stack, "Backups", { encryptionKey }) : undefined;
    const lake = { bucket, backupBucket, database, network, encryptionKey };
    new BackupGlueJob(stack, "Backup", lake);
    new PurgeGlueJob(stack, "Purge", { ...lake, olderThanDays: 90 });
    new RestoreGlueJob(stack, "Restore", lake);
    new EraseGlueJob(stack, "Erase", lake);
    new BackupCatalog(stack, "Catalog", { bucket, backupBucket });
    new TerraformOutput(stack, "bucket", { value: bucket.bucketName, staticId: true });
  });

/** The versions of the backup's objects in the lake's bucket, and its delete markers. */
async function versions(): Promise<string[]> {
  const { bucket } = (await folder.outputs()) as Record<string, string>;
  const answer = await s3.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: "backup/v1/" }));
  expect(answer.DeleteMarkers ?? []).toEqual([]);
  return (answer.Versions ?? []).map(({ Key, VersionId, ETag }) => [Key, VersionId, ETag].join(" "));
}

beforeAll(async () => {
  emulator = await startEmulator();
  s3 = new S3Client({
    endpoint: emulator.url,
    region: LOCAL_REGION,
    forcePathStyle: true,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
  folder = new StackFolder("backup-bucket", emulator.url);
  await synthesize(false);
  await folder.plan();
  await folder.apply();
});

afterAll(() => emulator.stop());

test("an existing lake gets a bucket for its backups, loses nothing, and keeps the older backups", async () => {
  const { bucket } = (await folder.outputs()) as Record<string, string>;
  for (const key of OBJECTS) {
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: `backup/v1/${key}`, Body: key }));
  }
  const before = await versions();
  expect(before).toHaveLength(OBJECTS.length);
  expect(await folder.plan()).toEqual(NOTHING);

  await synthesize(true);
  const { add, changed, ...counts } = await folder.plan();
  expect(counts).toEqual({ imported: [], destroy: 0, replace: 0 });
  const types = changed.map((address) => address.split(".")[0] ?? "");
  const changedOf = (type: string) => types.filter((one) => one === type).length;
  expect({ add, changed: Object.fromEntries(types.map((type) => [type, changedOf(type)])) }).toEqual({
    add: 8,
    changed: { aws_glue_catalog_table: 7, aws_glue_job: 4, aws_iam_role_policy: 4 },
  });
  await folder.apply();
  expect(await folder.plan()).toEqual(NOTHING);
  expect(await versions()).toEqual(before);
});
