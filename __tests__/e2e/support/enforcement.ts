import { CreateUserCommand, IAMClient } from "@aws-sdk/client-iam";
import {
  DeleteBucketPolicyCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { GetSecretValueCommand, PutSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { LOCAL_REGION } from "../../../local/environment/aws-clients";
import { DATA_LAKE, type Deployment } from "../../../local/environment/deployment";
import { localPath, repositoryRoot } from "../../../local/tools/paths";
import { runCommand } from "../../../local/tools/run-command";
import path from "node:path";
import { EnforcedAccount, type Session } from "./enforced-account";

/** Principals: the role's construct, and what each of them may do of {@link attempts}. */
export const PRINCIPALS: Record<string, { role: string; may: string[] }> = {
  "backup job": {
    role: "local-data-lake-backup-eu-central-1",
    may: ["read a backup", "add a backup", "list backups", "read the secret of xray_backup"],
  },
  "purge job": {
    role: "local-data-lake-purge-eu-central-1",
    may: ["list backups", "read the secret of xray_purge"],
  },
  "restore job": {
    role: "local-data-lake-restore-eu-central-1",
    may: ["read a backup", "list backups", "read the secret of xray_restore"],
  },
  "web app": {
    role: "local-data-lake-web-app-eu-central-1",
    may: ["upload an image", "list images", "read the secret of xray_app"],
  },
  bastion: { role: "local-data-lake-bastion-role-eu-central-1", may: [] },
};

/** The erasing job, which the environment of the end-to-end test has not: `terraform/erase.test.ts` tries the same with it. */
export const ERASING_JOB = {
  may: [
    "add a backup",
    "delete a backup",
    "delete a backup's version",
    "delete an image",
    "delete an image's version",
    "list backups",
    "read a backup",
    "read the secret of xray_erase",
  ],
};

/** Buckets of a lake, which may be one. */
interface Buckets {
  readonly images: string;
  readonly backups: string;
}

/**
 * Attempts of every principal, by what a reader of the table would call them.
 *
 * @param secrets ARNs by database user; each is read, and the first one is written
 */
export function attempts(
  session: Session,
  url: string,
  { images, backups }: Buckets,
  secrets: Record<string, string>,
): Record<string, () => Promise<unknown>> {
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = session;
  const client = {
    endpoint: url,
    region: LOCAL_REGION,
    credentials: { accessKeyId, secretAccessKey, sessionToken },
    maxAttempts: 1,
  };
  const s3 = new S3Client({ ...client, forcePathStyle: true });
  const secretsManager = new SecretsManagerClient(client);
  const iam = new IAMClient(client);
  const image = { Bucket: images, Key: "xray-images/enforced" };
  const backup = { Bucket: backups, Key: "backup/v1/snapshot/enforced" };
  return {
    "upload an image": () => s3.send(new PutObjectCommand({ ...image, Body: "x" })),
    "list images": () => s3.send(new ListObjectsV2Command({ Bucket: images, Prefix: "xray-images" })),
    "read an image": () => s3.send(new GetObjectCommand(image)),
    "delete an image": () => s3.send(new DeleteObjectCommand(image)),
    "delete an image's version": () => s3.send(new DeleteObjectCommand({ ...image, VersionId: "1" })),
    "list backups": () => s3.send(new ListObjectsV2Command({ Bucket: backups, Prefix: "backup/v1/archive/" })),
    "add a backup": () => s3.send(new PutObjectCommand({ ...backup, Body: "x", IfNoneMatch: "*" })),
    "write over a backup": () => s3.send(new PutObjectCommand({ ...backup, Body: "y" })),
    "read a backup": () => s3.send(new GetObjectCommand(backup)),
    "delete a backup": () => s3.send(new DeleteObjectCommand(backup)),
    "delete a backup's version": () => s3.send(new DeleteObjectCommand({ ...backup, VersionId: "1" })),
    "change the jobs' code": () =>
      s3.send(new PutObjectCommand({ Bucket: images, Key: "glue-assets/job.py", Body: "x" })),
    "drop the bucket's policy": () => s3.send(new DeleteBucketPolicyCommand({ Bucket: backups })),
    "make a user": () => iam.send(new CreateUserCommand({ UserName: "mallory" })),
    "change a secret": () =>
      secretsManager.send(new PutSecretValueCommand({ SecretId: Object.values(secrets)[0], SecretString: "{}" })),
    ...Object.fromEntries(
      Object.entries(secrets).map(([user, SecretId]) => [
        `read the secret of ${user}`,
        () => secretsManager.send(new GetSecretValueCommand({ SecretId })),
      ]),
    ),
  };
}

/** Names of the attempts that nothing refused, in order. */
export async function allowed(
  account: EnforcedAccount,
  tried: Record<string, () => Promise<unknown>>,
): Promise<string[]> {
  const names: string[] = [];
  for (const [name, attempt] of Object.entries(tried)) {
    const refusals = account.proxy.refusals.length;
    await attempt().catch(() => undefined);
    if (account.proxy.refusals.length === refusals) names.push(name);
  }
  return names.sort();
}

/** Work of the jobs: the package's command and the database user that it logs in as. */
const WORK: Record<string, { user: string; args: string[] }> = {
  "backup job": { user: "xray_backup", args: ["backup", "--run-slot", "enforced", "--archive-older-than-days", "90"] },
  "purge job": { user: "xray_purge", args: ["purge", "--older-than-days", "90", "--mode", "execute"] },
  "restore job": { user: "xray_restore", args: ["restore", "--backups", "latest", "--mode", "execute"] },
};

/** Tests of the principals on a deployed environment. */
export function describeEnforcement(deployment: Deployment): void {
  let account: EnforcedAccount;
  let bucket: string;
  let secrets: Record<string, string>;

  beforeAll(async () => {
    const { outputs } = await deployment.project.readState(DATA_LAKE);
    bucket = String(outputs["bucket"]);
    secrets = outputs["user_secret_arns"] as Record<string, string>;
    account = await EnforcedAccount.start(deployment.emulator.url, bucket);
  });
  afterAll(() => account?.proxy.stop());

  test.each(Object.entries(WORK))("the %s does its work with its own role", async (name, { user, args }) => {
    const before = account.proxy.refusals.length;
    const session = await account.assume(PRINCIPALS[name]?.role ?? "");
    const store = `s3://${bucket}/backup`;
    const ca = deployment.mysql.caFile === undefined ? [] : ["--ssl-ca", deployment.mysql.caFile];
    const [command = "", ...rest] = args;
    const where = ["--store", store, "--endpoint-url", account.proxy.url, "--secret-id", secrets[user] ?? "", ...ca];
    await runCommand(localPath("venv", "glue", "bin", "python"), ["-m", "xray_backup", command, ...where, ...rest], {
      env: {
        ...process.env,
        ...session,
        AWS_DEFAULT_REGION: LOCAL_REGION,
        PYTHONPATH: path.join(repositoryRoot, "glue"),
        PYTHONDONTWRITEBYTECODE: "1",
      },
      logFile: localPath("log", `enforced-${command}.log`),
    });
    expect(account.proxy.refusals.slice(before)).toEqual([]);
  });

  test.each(Object.entries(PRINCIPALS))(
    "the %s does what the table says, and nothing else",
    async (_, { role, may }) => {
      const session = await account.assume(role);
      const results = await allowed(
        account,
        attempts(session, account.proxy.url, { images: bucket, backups: bucket }, secrets),
      );
      expect(results).toEqual([...may].sort());
    },
  );
}
