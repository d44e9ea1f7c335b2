import path from "node:path";
import { GetObjectCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { AdoptedLakeStack } from "../../examples/adopt-hand-made-set-up/adopted-lake-stack";
import type { HandMadeSetUp } from "../../examples/adopt-hand-made-set-up/adopted-lake-stack";
import { s3Client } from "../../local/environment/aws-clients";
import type { Emulator } from "../../local/servers/aws/emulator";
import { emulatorPython, startEmulator } from "../../local/servers/aws/emulator";
import { repositoryRoot } from "../../local/tools/paths";
import { runCommand } from "../../local/tools/run-command";
import type { PlanCounts } from "./support/stack-folder";
import { StackFolder } from "./support/stack-folder";

jest.setTimeout(8 * 60_000);

let emulator: Emulator;
let handMade: HandMadeSetUp;
let stack: StackFolder;
let plan: PlanCounts;

const synthesize = (change: Partial<HandMadeSetUp> = {}) =>
  stack.synthesize((app) => new AdoptedLakeStack(app, "adopted-lake", { ...handMade, ...change }));

beforeAll(async () => {
  emulator = await startEmulator();
  const script = path.join(repositoryRoot, "glue", "tests", "support", "hand_made_set_up.py");
  handMade = JSON.parse((await runCommand(emulatorPython, [script, emulator.url])).stdout) as HandMadeSetUp;
  stack = new StackFolder("adoption", emulator.url);
  await synthesize();
  plan = await stack.plan();
});

afterAll(() => emulator.stop());

// In order: the tests follow one adoption.
describe("what was made in the console", () => {
  test("is imported, and nothing of it destroyed or replaced", () => {
    const { imported, changed, ...counts } = plan;
    console.log(
      `Plan: ${imported.length} to import, ${counts.add} to add, ${changed.length} to change, ${counts.destroy} to destroy`,
    );
    expect(imported).toEqual([
      "aws_db_instance.Database",
      "aws_glue_job.Backup",
      "aws_s3_bucket.Bucket",
      "aws_s3_bucket_ownership_controls.Bucket_OwnershipControls",
      "aws_s3_bucket_policy.Bucket_Policy",
      "aws_s3_bucket_public_access_block.Bucket_PublicAccessBlock",
      "aws_s3_bucket_server_side_encryption_configuration.Bucket_Encryption",
      "aws_s3_object.Bucket_BackupFolder",
      "aws_s3_object.Bucket_ImagesFolder",
    ]);
    expect(changed).toEqual(
      imported.filter(
        (address) =>
          !["aws_s3_bucket.Bucket", "aws_s3_bucket_ownership_controls.Bucket_OwnershipControls"].includes(address),
      ),
    );
    expect(counts).toEqual({ add: 42, destroy: 0, replace: 0 });
  });

  test("would be replaced with an encrypted disk, which Terraform refuses", async () => {
    await synthesize({ storageEncrypted: true });
    await expect(stack.plan()).rejects.toThrow(/[Ii]nstance cannot be destroyed/);
    await synthesize();
    expect(await stack.plan()).toEqual(plan);
  });

  test("is changed in its place, with what is in it", async () => {
    await stack.apply();
    const s3 = s3Client(emulator.url);
    const Bucket = handMade.bucketName;
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: "xray-images/img_1.png" }));
    expect(await Body?.transformToString()).toBe("an X-ray");
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket }));
    expect(Contents.map(({ Key }) => Key)).toEqual(
      expect.arrayContaining(["backup/", "backup/image_id=1/run-1.csv", "xray-images/", "xray-images/img_1.png"]),
    );
  });

  test("has nothing left to change, the name of a final snapshot, and Terraform never saw its password", async () => {
    expect(await stack.plan()).toEqual({ imported: [], changed: [], add: 0, destroy: 0, replace: 0 });
    const state = await stack.terraform("show", "-json");
    expect(state).toMatch(new RegExp(`"final_snapshot_identifier":"${handMade.dbInstanceIdentifier}-final-\\d{14}"`));
    expect(state).not.toContain("typed-in-the-console");
  });
});
