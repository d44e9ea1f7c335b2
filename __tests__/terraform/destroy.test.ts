import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { IamRolePolicy } from "@cdktf/provider-aws/lib/iam-role-policy";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { TerraformOutput, TerraformStack } from "cdktf";
import { LOCAL_REGION } from "../../local/environment/aws-clients";
import type { Emulator } from "../../local/servers/aws/emulator";
import { startEmulator } from "../../local/servers/aws/emulator";
import { Role } from "../../src/modules/common/role";
import { BackupBucket } from "../../src/modules/storage/backup-bucket";
import { DataLakeBucket } from "../../src/modules/storage/data-lake-bucket";
import { EnforcedAccount } from "../e2e/support/enforced-account";
import { StackFolder } from "./support/stack-folder";

jest.setTimeout(8 * 60_000);

const PRINCIPALS = ["app", "job", "erase", "erase_now", "admin"] as const;
type Principal = (typeof PRINCIPALS)[number];

class DestroyStack extends TerraformStack {
  constructor(scope: ConstructorParameters<typeof TerraformStack>[0]) {
    super(scope, "destroy");
    new AwsProvider(this, "aws", { region: LOCAL_REGION });
    const lake = new DataLakeBucket(this, "Lake", { preventDestroy: false });
    const backups = new BackupBucket(this, "Backups", { preventDestroy: false });
    const roles = Object.fromEntries(
      PRINCIPALS.map((id) => [
        id,
        new Role(this, id, { assumedBy: { type: "Service", identifiers: ["glue.amazonaws.com"] } }),
      ]),
    ) as Record<Principal, Role>;
    // As the web app and the backup job are granted.
    lake.grantList(roles.app, lake.imagesPrefix);
    lake.grantPut(roles.app, lake.imagesPrefix);
    backups.grantRead(roles.job, backups.backupPrefix);
    backups.grantCreate(roles.job, backups.backupPrefix);
    backups.grantErase(roles.erase, { prefix: backups.backupPrefix });
    backups.grantErase(roles.erase_now, { prefix: backups.backupPrefix, bypassGovernanceRetention: true });
    new IamRolePolicy(this, "Everything", {
      role: roles.admin.roleName,
      policy: JSON.stringify({
        Version: "2012-10-17",
        Statement: [{ Effect: "Allow", Action: "s3:*", Resource: "*" }],
      }),
    });
    const values = { lake: lake.bucketName, backups: backups.bucketName };
    for (const [name, value] of Object.entries(values)) new TerraformOutput(this, name, { value, staticId: true });
    for (const id of PRINCIPALS) new TerraformOutput(this, `role_${id}`, { value: roles[id].roleArn, staticId: true });
  }
}

let emulator: Emulator;
let outputs: Record<string, string>;
let owner: S3Client;
let simulation: EnforcedAccount;

/** Who judges a request: the emulator's own IAM, or a simulation of IAM before an emulator that allows everything. */
const JUDGES = ["emulator", "simulation"] as const;
type Judge = (typeof JUDGES)[number];
const clients = { emulator: {}, simulation: {} } as Record<Judge, Record<Principal, S3Client>>;

const client = (
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string },
  endpoint = emulator.url,
) => new S3Client({ endpoint, region: LOCAL_REGION, forcePathStyle: true, credentials });

async function enforceIam(requests: string): Promise<void> {
  const headers = { "content-type": "text/plain" };
  await fetch(`${emulator.url}/moto-api/reset-auth`, { method: "POST", headers, body: requests });
}

beforeAll(async () => {
  emulator = await startEmulator();
  const stack = new StackFolder("destroy", emulator.url);
  await stack.synthesize((app) => new DestroyStack(app));
  await stack.plan();
  await stack.apply();
  outputs = (await stack.outputs()) as Record<string, string>;
  owner = client({ accessKeyId: "local", secretAccessKey: "local" });
  simulation = await EnforcedAccount.start(emulator.url, outputs["lake"] ?? "", outputs["backups"] ?? "");
  for (const id of PRINCIPALS) {
    const session = await simulation.assume((outputs[`role_${id}`] ?? "").replace(/^.*\//, ""));
    const credentials = {
      accessKeyId: session.AWS_ACCESS_KEY_ID,
      secretAccessKey: session.AWS_SECRET_ACCESS_KEY,
      sessionToken: session.AWS_SESSION_TOKEN,
    };
    clients.emulator[id] = client(credentials);
    clients.simulation[id] = client(credentials, simulation.proxy.url);
  }
});

afterAll(async () => {
  await simulation.proxy.stop();
  await emulator.stop();
});

/** A version of a new object, made by the owner while the emulator enforces nothing. */
async function original(bucket: string, key: string, judge: Judge): Promise<{ version: string; etag: string }> {
  await enforceIam("inf");
  const answer = await owner.send(
    new PutObjectCommand({ Bucket: bucket, Key: key, Body: "original", IfNoneMatch: "*" }),
  );
  if (judge === "emulator") await enforceIam("0");
  return { version: answer.VersionId ?? "", etag: answer.ETag ?? "" };
}

/** What is left of the first version of an object. */
async function left(bucket: string, key: string, version: string): Promise<string> {
  await enforceIam("inf");
  const { Versions = [] } = await owner.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: key }));
  if (!Versions.some(({ VersionId }) => VersionId === version)) return "nothing";
  const { Body } = await owner.send(new GetObjectCommand({ Bucket: bucket, Key: key, VersionId: version }));
  expect(await Body?.transformToString()).toBe("original");
  return Versions.find(({ VersionId }) => VersionId === version)?.IsLatest ? "all" : "an older version";
}

const customerKey = {
  SSECustomerAlgorithm: "AES256",
  SSECustomerKey: Buffer.alloc(32, 1).toString("base64"),
  SSECustomerKeyMD5: "ZnZ7nM1yBz0JUo5sOxCnSQ==",
};

const ATTEMPTS = {
  "write over it": (Bucket, Key) => new PutObjectCommand({ Bucket, Key, Body: "x" }),
  "write over it by If-Match": (Bucket, Key, { etag }) =>
    new PutObjectCommand({ Bucket, Key, Body: "x", IfMatch: etag }),
  "write over it with a key of its own": (Bucket, Key) =>
    new PutObjectCommand({ Bucket, Key, Body: "x", ...customerKey }),
  "hide it": (Bucket, Key) => new DeleteObjectCommand({ Bucket, Key }),
  "delete the version": (Bucket, Key, { version }) => new DeleteObjectCommand({ Bucket, Key, VersionId: version }),
  "delete the version past the lock": (Bucket, Key, { version }) =>
    new DeleteObjectCommand({ Bucket, Key, VersionId: version, BypassGovernanceRetention: true }),
} satisfies Record<
  string,
  (bucket: string, key: string, first: { version: string; etag: string }) => PutObjectCommand | DeleteObjectCommand
>;

async function table(
  judge: Judge,
  bucket: string,
  folder: string,
  principal: Principal,
): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [attempt, command] of Object.entries(ATTEMPTS)) {
    const key = `${folder}/${judge} ${principal} ${attempt}`;
    const first = await original(bucket, key, judge);
    let answer = "done";
    try {
      await clients[judge][principal].send(command(bucket, key, first) as PutObjectCommand);
    } catch (error) {
      answer =
        (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 403
          ? "denied"
          : String(error);
    }
    found[attempt] = `${answer}, left: ${await left(bucket, key, first.version)}`;
  }
  return found;
}

const DENIED = Object.fromEntries(Object.keys(ATTEMPTS).map((attempt) => [attempt, "denied, left: all"]));

describe.each(JUDGES)("a backup, where the %s judges", (judge) => {
  const of = (principal: Principal) => table(judge, outputs["backups"] ?? "", "backup/v1/archive", principal);

  test.each<Principal>(["app", "job", "admin"])("loses nothing to %s", async (principal) => {
    expect(await of(principal)).toEqual(DENIED);
  });

  test("is written again by the role that erases, and its locked version stays", async () => {
    expect(await of("erase")).toEqual({ ...DENIED, "write over it by If-Match": "done, left: an older version" });
  });

  test("is gone where the role that erases has the flag, and says so in the request", async () => {
    expect(await of("erase_now")).toEqual({
      ...DENIED,
      "write over it by If-Match": "done, left: an older version",
      "delete the version past the lock": "done, left: nothing",
    });
  });
});

test("a backup is written by the job once", async () => {
  const write = () =>
    clients.emulator.job.send(
      new PutObjectCommand({ Bucket: outputs["backups"], Key: "backup/v1/archive/new", Body: "x", IfNoneMatch: "*" }),
    );
  await enforceIam("0");
  await write();
  await expect(write()).rejects.toThrow("pre-conditions");
  await enforceIam("inf");
});

test.each(JUDGES)("an image that the web app writes over has its older version, where the %s judges", async (judge) => {
  expect(await table(judge, outputs["lake"] ?? "", "xray-images", "app")).toEqual({
    ...DENIED,
    "write over it": "done, left: an older version",
    "write over it by If-Match": "done, left: an older version",
  });
});
