import { GetObjectCommand, ListObjectsV2Command, type S3Client } from "@aws-sdk/client-s3";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { TerraformOutput, TerraformStack } from "cdktf";
import { LOCAL_REGION, roundTrip, s3Client } from "../../local/environment/aws-clients";
import { type Emulator, startEmulator } from "../../local/servers/aws/emulator";
import { AccessLogsBucket } from "../../src/modules/storage/access-logs-bucket";
import { DataLakeBucket } from "../../src/modules/storage/data-lake-bucket";
import { StackFolder } from "./support/stack-folder";

// The provider waits a minute for each lifecycle.
jest.setTimeout(15 * 60_000);

let emulator: Emulator;
let s3: S3Client;

beforeAll(async () => {
  emulator = await startEmulator();
  s3 = s3Client(emulator.url);
});
afterAll(async () => {
  s3.destroy();
  await emulator.stop();
});

/** The lines of a bucket's access logs. */
async function linesOf(bucket: string): Promise<string[]> {
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket }));
  return Promise.all(
    Contents.map(async ({ Key }) => {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
      return `${Key} ${(await Body?.transformToString()) ?? ""}`;
    }),
  );
}

test("who writes and who reads an image shows in the access log", async () => {
  const stack = new StackFolder("access-logs", emulator.url);
  await stack.synthesize((app) => {
    const scope = new TerraformStack(app, "access-logs");
    new AwsProvider(scope, "aws", { region: LOCAL_REGION });
    const destroyable = { preventDestroy: false, forceDestroy: true };
    const logs = new AccessLogsBucket(scope, "Logs", destroyable);
    const bucket = new DataLakeBucket(scope, "Bucket", { ...destroyable, serverAccessLogsBucket: logs });
    new TerraformOutput(scope, "bucket", { value: bucket.bucketName, staticId: true });
    new TerraformOutput(scope, "logs", { value: logs.bucketName, staticId: true });
  });
  await stack.plan();
  await stack.apply();
  const outputs = (await stack.outputs()) as { bucket: string; logs: string };
  const key = "xray-images/img_of_a_patient";
  await roundTrip(emulator.url, outputs.bucket, key, Buffer.from("an X-ray"));
  const lines = await linesOf(outputs.logs);
  for (const method of ["PUT", "GET"]) {
    const found = lines.filter((line) => line.includes(` ${method} `) && line.includes(key));
    expect([method, found.length]).toEqual([method, 1]);
    expect(found[0]).toContain(`REST.${method}.`);
  }
});
