import { createServer } from "node:net";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  CreateBucketCommand,
  GetBucketReplicationCommand,
  PutBucketReplicationCommand,
  PutBucketVersioningCommand,
} from "@aws-sdk/client-s3";
import { s3Client } from "../../local/environment/aws-clients";
import { startEmulator } from "../../local/servers/aws/emulator";
import { localPath } from "../../local/tools/paths";
import { terraformEnvironment } from "../../local/environment/terraform-cli-config";
import { checkAwsProvider } from "../../local/environment/terraform-providers";
import { callAws } from "../support/emulator-calls";

jest.setTimeout(120_000);

test("a port that is taken is refused", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await expect(startEmulator({ port })).rejects.toThrow(
    `port ${port} is taken by another program: stop it or choose another port`,
  );
  server.close();
});

test("a provider that is not to be had is named, with what to do", async () => {
  const mirror = mkdtempSync(path.join(tmpdir(), "empty-"));
  const configFile = path.join(mirror, "empty.rc");
  writeFileSync(
    configFile,
    `provider_installation {\n  filesystem_mirror {\n    path = ${JSON.stringify(mirror)}\n  }\n}\n`,
  );
  rmSync(localPath("providers"), { recursive: true, force: true });
  await expect(checkAwsProvider({ ...terraformEnvironment(), TF_CLI_CONFIG_FILE: configFile })).rejects.toThrow(
    "Terraform cannot get the provider hashicorp/aws 5.100.0: connect to its registry, or set TF_PROVIDER_MIRROR to a " +
      "folder that holds registry.terraform.io/hashicorp/aws",
  );
  rmSync(mirror, { recursive: true });
});

test("a request that comes again under its invocation id is done once", async () => {
  const emulator = await startEmulator();
  const call = <Answer = object>(action: string, input: object, invocation: string, attempt: number): Promise<Answer> =>
    callAws(
      emulator.url,
      "kms",
      action,
      { ...input },
      {
        "amz-sdk-invocation-id": invocation,
        "amz-sdk-request": `attempt=${attempt}; max=2`,
      },
    );
  const key = await call<{ KeyMetadata: { KeyId: string } }>("CreateKey", {}, "a", 1);
  expect(await call("CreateKey", {}, "a", 2)).toEqual(key);
  const alias = { AliasName: "alias/lake", TargetKeyId: key.KeyMetadata.KeyId };
  await call("CreateAlias", alias, "b", 1);
  await call("CreateAlias", alias, "b", 2);
  await expect(call("CreateAlias", alias, "c", 1)).rejects.toThrow(/CreateAlias: 400 .*AlreadyExistsException/);
  await emulator.stop();
});

test("a rule of a bucket's replication is given back whole", async () => {
  const emulator = await startEmulator();
  const s3 = s3Client(emulator.url);
  const Bucket = "backups";
  await s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: "eu-central-1" } }));
  await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: "Enabled" } }));
  const rule = {
    ID: "backups",
    Priority: 0,
    Status: "Enabled",
    Filter: { Prefix: "" },
    DeleteMarkerReplication: { Status: "Disabled" },
    SourceSelectionCriteria: { SseKmsEncryptedObjects: { Status: "Enabled" } },
    Destination: {
      Bucket: "arn:aws:s3:::copies",
      EncryptionConfiguration: { ReplicaKmsKeyID: "arn:aws:kms:eu-west-1:222222222222:key/1" },
    },
  } as const;
  const ReplicationConfiguration = { Role: "arn:aws:iam::123456789012:role/copies", Rules: [rule] };
  await s3.send(new PutBucketReplicationCommand({ Bucket, ReplicationConfiguration }));
  const answer = await s3.send(new GetBucketReplicationCommand({ Bucket }));
  expect(answer.ReplicationConfiguration?.Rules).toEqual([{ ...rule, Filter: {} }]);
  await emulator.stop();
});
