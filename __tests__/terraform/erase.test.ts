import { readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { ListObjectVersionsCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { PutSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { TerraformOutput, TerraformStack } from "cdktf";
import { createConnection } from "mysql2/promise";
import { LOCAL_REGION } from "../../local/environment/aws-clients";
import { replayApply } from "../../local/replayer/replayer";
import { type Emulator, startEmulator } from "../../local/servers/aws/emulator";
import { type MysqlServer, startMysqlServer } from "../../local/servers/mysql/server";
import { localPath, repositoryRoot } from "../../local/tools/paths";
import { runCommand } from "../../local/tools/run-command";
import {
  BackupBucket,
  BackupGlueJob,
  DataLakeBucket,
  DataLakeKey,
  DataLakeNetwork,
  EraseGlueJob,
  MetadataDatabase,
  SchemaUser,
} from "../../src";
import { EnforcedAccount, type Session } from "../e2e/support/enforced-account";
import { allowed, attempts, ERASING_JOB } from "../e2e/support/enforcement";
import { synthesizeSchema } from "../mysql/support/synth";
import { StackFolder } from "./support/stack-folder";

jest.setTimeout(8 * 60_000);

const USERS = ["xray_backup", "xray_erase"] as const;
type User = (typeof USERS)[number];
const PASSWORD = "a-password-of-the-test";
const dataFolder = localPath("test", `erase-mysql-${process.pid}`);

let emulator: Emulator;
let mysql: MysqlServer;
let account: EnforcedAccount;
let outputs: Record<string, string>;
let owner: S3Client;
const sessions = {} as Record<User, Session>;

async function deploy(): Promise<void> {
  const folder = new StackFolder("erase", emulator.url);
  await folder.synthesize((app) => {
    const stack = new TerraformStack(app, "erase");
    new AwsProvider(stack, "aws", { region: LOCAL_REGION });
    const encryptionKey = new DataLakeKey(stack, "Key", { preventDestroy: false });
    const network = new DataLakeNetwork(stack, "Network");
    const bucket = new DataLakeBucket(stack, "Bucket", { encryptionKey });
    const backupBucket = new BackupBucket(stack, "Backups", { encryptionKey });
    const database = new MetadataDatabase(stack, "Database", { network, encryptionKey });
    const lake = { bucket, backupBucket, database, network, encryptionKey };
    const jobs = {
      xray_backup: new BackupGlueJob(stack, "Backup", lake),
      xray_erase: new EraseGlueJob(stack, "Erase", { ...lake, bypassGovernanceRetention: true }),
    };
    const values: Record<string, string> = { lake: bucket.bucketName, backups: backupBucket.bucketName };
    for (const user of USERS) {
      values[`${user}_role`] = jobs[user].role.roleName;
      values[`${user}_secret`] = database.userSecret(user).secretArn;
    }
    for (const [name, value] of Object.entries(values)) new TerraformOutput(stack, name, { value, staticId: true });
  });
  await folder.plan();
  await folder.apply();
  outputs = (await folder.outputs()) as Record<string, string>;
}

/** Database, users and secrets as the schema's stack makes them. */
async function makeSchema(): Promise<void> {
  const secret = (username: User) => ({ username, secretArn: username, passwordVersion: 1 });
  const users = [SchemaUser.backup(secret("xray_backup")), SchemaUser.erase(secret("xray_erase"))];
  await replayApply({
    stackFile: synthesizeSchema({ users, preventDestroy: false }),
    server: { host: mysql.host, port: mysql.port, user: mysql.rootUser, password: mysql.rootPassword },
    readSecret: (username) => Promise.resolve(JSON.stringify({ username, password: PASSWORD })),
  });
  const secrets = new SecretsManagerClient({
    endpoint: emulator.url,
    region: LOCAL_REGION,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
  for (const username of USERS) {
    const where = { engine: "mysql", host: "localhost", port: mysql.port, dbname: "x_ray" };
    const text = JSON.stringify({ ...where, username, password: PASSWORD });
    await secrets.send(new PutSecretValueCommand({ SecretId: outputs[`${username}_secret`], SecretString: text }));
  }
}

const connect = (user: string, password: string) =>
  createConnection({
    host: "localhost",
    port: mysql.port,
    user,
    password,
    database: "x_ray",
    ssl: { ca: readFileSync(mysql.caFile) },
  });

/** Statements of root; the rows of the last one. */
async function sql(...statements: string[]): Promise<unknown> {
  const root = await connect(mysql.rootUser, mysql.rootPassword);
  let rows: unknown;
  for (const statement of statements) [rows] = await root.query(statement);
  await root.end();
  return rows;
}

async function xrayBackup(user: User, command: string, ...args: string[]): Promise<void> {
  const store = ["--store", `s3://${outputs["backups"]}/backup`, "--endpoint-url", account.proxy.url];
  const server = ["--secret-id", outputs[`${user}_secret`] ?? "", "--ssl-ca", mysql.caFile];
  await runCommand(
    localPath("venv", "glue", "bin", "python"),
    ["-m", "xray_backup", command, ...store, ...server, ...args],
    {
      env: {
        ...process.env,
        ...sessions[user],
        AWS_DEFAULT_REGION: LOCAL_REGION,
        PYTHONPATH: path.join(repositoryRoot, "glue"),
        PYTHONDONTWRITEBYTECODE: "1",
      },
    },
  );
}

/** Versions and markers of an image. */
async function versions(key: string): Promise<number> {
  const answer = await owner.send(new ListObjectVersionsCommand({ Bucket: outputs["lake"], Prefix: key }));
  return (answer.Versions ?? []).length + (answer.DeleteMarkers ?? []).length;
}

beforeAll(async () => {
  emulator = await startEmulator();
  mysql = await startMysqlServer({ kind: "mysql", dataFolder });
  await deploy();
  await makeSchema();
  owner = new S3Client({
    endpoint: emulator.url,
    region: LOCAL_REGION,
    forcePathStyle: true,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
  const numbers = [1, 2, 3];
  const rows = (row: (n: number) => string) => numbers.map(row).join(", ");
  await sql(
    `INSERT INTO image VALUES ${rows((n) => `(${n}, '${outputs["lake"]}', 'xray-images', 'img_${n}')`)}`,
    `INSERT INTO \`transaction\` VALUES ${rows((n) => `(${n}, ${n}, '2022-05-24 11:08:0${n}', 0.3, 0.5)`)}`,
    `INSERT INTO pred_bounding_box VALUES ${rows((n) => `(${n}, ${n}, 1, 0.5, 1, 2, 3, 4)`)}`,
  );
  for (const n of numbers) {
    for (const Body of ["an X-ray", "the same X-ray"]) {
      await owner.send(new PutObjectCommand({ Bucket: outputs["lake"], Key: `xray-images/img_${n}`, Body }));
    }
  }
  account = await EnforcedAccount.start(emulator.url, outputs["lake"] ?? "", outputs["backups"] ?? "");
  for (const user of USERS) sessions[user] = await account.assume(outputs[`${user}_role`] ?? "");
  await xrayBackup("xray_backup", "backup", "--run-slot", "first", "--archive-older-than-days", "90");
});

afterAll(async () => {
  await account?.proxy.stop();
  await mysql?.stop();
  await emulator?.stop();
  rmSync(dataFolder, { recursive: true, force: true });
});

test("the erasure does its work with its own role and user on a store with Object Lock", async () => {
  const refusals = account.proxy.refusals.length;
  const erase = (...more: string[]) =>
    xrayBackup("xray_erase", "erase", "--image-ids", "2", "--mode", "execute", ...more);
  await expect(erase()).rejects.toThrow(/locked/);
  expect(await sql("SELECT image_id FROM image ORDER BY 1")).toEqual([{ image_id: 1 }, { image_id: 3 }]);
  expect([await versions("xray-images/img_1"), await versions("xray-images/img_2")]).toEqual([2, 0]);
  await erase("--bypass-governance-retention", "yes");
  expect(account.proxy.refusals.slice(refusals)).toEqual([]);
});

test("the role does what the table of all principals says, and nothing else", async () => {
  const { lake: images = "", backups = "" } = outputs;
  const secrets = Object.fromEntries(USERS.map((user) => [user, outputs[`${user}_secret`] ?? ""]));
  expect(
    await allowed(account, attempts(sessions.xray_erase, account.proxy.url, { images, backups }, secrets)),
  ).toEqual(ERASING_JOB.may);
});

test.each([
  "INSERT INTO image VALUES (9, 'b', 'f', 'i')",
  "UPDATE image SET folder = 'x'",
  "UPDATE `transaction` SET cs_thr = 0",
  "DROP TABLE pred_bounding_box",
])("the user is denied %s", async (statement) => {
  const connection = await connect("xray_erase", PASSWORD);
  await expect(connection.query(statement)).rejects.toThrow(/command denied/);
  await connection.end();
});
