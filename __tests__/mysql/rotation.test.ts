import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CreateBucketCommand } from "@aws-sdk/client-s3";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { App, LocalBackend, TerraformOutput, TerraformStack } from "cdktf";
import { createConnection } from "mysql2/promise";
import { LOCAL_REGION, LocalSecrets, s3Client } from "../../local/environment/aws-clients";
import { runBackupPackage } from "../../local/environment/backup-package";
import { terraformEnvironment } from "../../local/environment/terraform-cli-config";
import { setUpWebApp } from "../../local/environment/web-app-double";
import { replayApply, replayPasswords } from "../../local/replayer/replayer";
import { type Emulator, startEmulator } from "../../local/servers/aws/emulator";
import { localPath, repositoryRoot } from "../../local/tools/paths";
import { runCommand } from "../../local/tools/run-command";
import { terraformBinary } from "../../local/tools/terraform-binary";
import { DatabaseSecret } from "../../src/modules/database/database-secret";
import { MetadataSchema } from "../../src/modules/database/metadata-schema";
import { SchemaUser } from "../../src/modules/database/schema-user";
import { MysqlProvider } from "../../src/providers/mysql/provider";
import { blocksOf } from "../support/runbook";
import { describeOnServers } from "./support/servers";
import { mysqlProviderVersion } from "./support/terraform";

const BUCKET = "lake";
const USERS = ["xray_app", "xray_backup"] as const;
const UPLOADS_PER_SECOND = 10;
/** Rows that make a backup last some seconds. */
const BOXES = 100_000;

/** A run of the backup, in milliseconds of this machine's clock. */
interface BackupRun {
  readonly began: number;
  readonly ended: number;
}

/** Output of the web app's double. */
interface Uploads {
  readonly uploads: number;
  readonly commits_per_second: number;
  readonly requests: number;
  readonly failed: number;
  readonly failures: Record<string, number>;
}

describeOnServers(
  "rotation",
  (get) => {
    let emulator: Emulator;
    let folder = "";

    beforeAll(async () => {
      await setUpWebApp();
    });
    beforeEach(async () => {
      folder = localPath("test", "rotation");
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true });
      emulator = await startEmulator();
      await s3Client(emulator.url).send(
        new CreateBucketCommand({ Bucket: BUCKET, CreateBucketConfiguration: { LocationConstraint: LOCAL_REGION } }),
      );
    });
    afterEach(async () => {
      await emulator.stop();
      await get().connection.query("DROP DATABASE IF EXISTS x_ray");
      for (const user of USERS) await get().connection.query(`DROP USER IF EXISTS ${user}@'%'`);
    });

    const stackFolder = (name: string) => path.join(folder, "stacks", name);

    /** The two stacks of an environment, as far as a rotation concerns them. */
    const synthesize = (passwordVersion: number): void => {
      const { server } = get();
      const app = new App({ outdir: folder });
      const addStack = (name: string): TerraformStack => {
        const stack = new TerraformStack(app, name);
        new LocalBackend(stack, { path: path.join(folder, `${name}.tfstate`) });
        new AwsProvider(stack, "Aws", {
          region: LOCAL_REGION,
          accessKey: "local",
          secretKey: "local",
          skipCredentialsValidation: true,
          skipMetadataApiCheck: "true",
          endpoints: [{ secretsmanager: emulator.url, sts: emulator.url }],
        });
        return stack;
      };
      const lake = addStack("lake");
      const [appSecret, backupSecret] = USERS.map((username) => {
        const secret = new DatabaseSecret(lake, username, {
          username,
          secretNamePrefix: `lake/${username}-`,
          host: server.host,
          serverId: "lake",
          port: server.port,
          databaseName: "x_ray",
          passwordVersion,
          recoveryWindowInDays: 0,
        });
        new TerraformOutput(lake, `${username}_secret`, { value: secret.secretArn, staticId: true });
        return secret;
      }) as [DatabaseSecret, DatabaseSecret];
      const schema = addStack("schema");
      new MysqlProvider(schema, "Mysql", {
        endpoint: `${server.host}:${server.port}`,
        username: server.rootUser,
        connectRetryTimeoutSec: 3,
        noProxy: "*",
        customTls: server.caFile === undefined ? undefined : [{ caCert: server.caFile }],
      });
      new MetadataSchema(schema, "Schema", {
        users: [SchemaUser.app(appSecret), SchemaUser.backup(backupSecret)],
        preventDestroy: false,
      });
      app.synth();
    };

    const terraform = async (stack: string, ...args: string[]): Promise<string> => {
      const env = { ...terraformEnvironment(), MYSQL_PASSWORD: get().server.rootPassword };
      return (await runCommand(terraformBinary(), args, { cwd: stackFolder(stack), env })).stdout;
    };
    const apply = async (stack: string): Promise<void> => {
      await terraform(stack, "init", "-input=false", "-no-color");
      await terraform(stack, "apply", "-auto-approve", "-input=false", "-no-color");
    };
    const replay = (how: typeof replayApply) => async (): Promise<void> => {
      const { server } = get();
      const { host, port, rootUser: user, rootPassword: password, caFile } = server;
      const secrets = new LocalSecrets(emulator.url);
      await how({
        stackFile: path.join(stackFolder("schema"), "cdk.tf.json"),
        server: { host, port, user, password, caFile },
        readSecret: (secretId) => secrets.read(secretId),
      });
    };

    const loginOf = async (user: (typeof USERS)[number]) => {
      const outputs = JSON.parse(await terraform("lake", "output", "-json")) as Record<string, { value: string }>;
      const secretArn = outputs[`${user}_secret`]?.value ?? "";
      const login = JSON.parse(await new LocalSecrets(emulator.url).read(secretArn)) as { password: string };
      return { secretArn, password: login.password };
    };

    /** The app's ini file, as a person puts it there: written beside it and renamed, since the app reads it at any moment. */
    const writeIni = async (): Promise<string> => {
      const { server } = get();
      const ini = path.join(folder, "aws.ini");
      const optionFile = path.join(folder, "aws.cnf");
      writeFileSync(optionFile, `[client]\nport=${server.port}\n`);
      writeFileSync(
        `${ini}.new`,
        `[Credential-AWS-RDS-MySQL]
host=${server.host}
user=xray_app
password=${(await loginOf("xray_app")).password}
ssl_ca=${server.caFile ?? ""}
read_default_file=${optionFile}
[Credential-AWS-S3]
region_name=${LOCAL_REGION}
aws_access_key_id=local
aws_secret_access_key=local
[Info-AWS-S3]
root_bucket=${BUCKET}
xray_images_bucket=xray-images
`,
      );
      renameSync(`${ini}.new`, ini);
      return ini;
    };

    /** The web app's double; `stop` gives what it did. */
    const startWebApp = (ini: string): { stop: () => Promise<Uploads> } => {
      const child = spawn(
        localPath("venv", "web_app_double", "bin", "python"),
        ["-m", "usage.steady", "--ini", ini, "--per-second", String(UPLOADS_PER_SECOND)],
        {
          cwd: path.join(repositoryRoot, "web_app_double"),
          stdio: ["ignore", "pipe", "inherit"],
          env: { ...process.env, AWS_ENDPOINT_URL: emulator.url, PYTHONDONTWRITEBYTECODE: "1" },
        },
      );
      let output = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
      const ended = once(child, "close");
      const stop = async (): Promise<Uploads> => {
        child.kill("SIGTERM");
        await ended;
        return JSON.parse(output) as Uploads;
      };
      return { stop };
    };

    /** One backup after the other; `stop` gives them, once the last has ended. */
    const startBackups = (secretArn: string): { runs: BackupRun[]; stop: () => Promise<BackupRun[]> } => {
      const runs: BackupRun[] = [];
      let stopped = false;
      const store = { endpoint: emulator.url, store: `s3://${BUCKET}/backup` };
      const { caFile } = get().server;
      const ca = caFile === undefined ? [] : ["--ssl-ca", caFile];
      const loop = (async () => {
        while (!stopped) {
          const began = Date.now();
          const slot = ["--run-slot", `r${runs.length}`, "--lag-minutes", "0"];
          await runBackupPackage(store, ["backup", "--secret-id", secretArn, ...ca, ...slot]);
          runs.push({ began, ended: Date.now() });
        }
      })();
      // Until it is asked for.
      loop.catch(() => undefined);
      return {
        runs,
        stop: async () => {
          stopped = true;
          await loop;
          return runs;
        },
      };
    };

    const fill = async (): Promise<void> => {
      const { connection } = get();
      await connection.query("SET SESSION cte_max_recursion_depth = 1000000");
      const numbers = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${BOXES})`;
      await connection.query("INSERT INTO x_ray.image VALUES (1, 'lake', 'xray-images', 'img_1')");
      await connection.query("INSERT INTO x_ray.transaction VALUES (1, 1, '2022-05-24 11:08:23', 0.3, 0.5)");
      await connection.query(
        `INSERT INTO x_ray.pred_bounding_box ${numbers} SELECT i, 1, i % 14, 0.5, i % 2000, 1, 2000, 2 FROM n`,
      );
    };

    const logIn = async (user: string, password: string): Promise<void> => {
      const connection = await createConnection({ ...get().root, user, password });
      await connection.end();
    };

    const rotatesUnderLoad = async (deploy: () => Promise<void>, rotate: () => Promise<void>, how: string) => {
      synthesize(1);
      await apply("lake");
      await deploy();
      await fill();
      const before = await loginOf("xray_app");
      const { secretArn } = await loginOf("xray_backup");
      const webApp = startWebApp(await writeIni());
      const backups = startBackups(secretArn);
      const someBackups = async (count: number): Promise<void> => {
        for (const until = backups.runs.length + count; backups.runs.length < until;) await sleep(50);
      };
      try {
        await someBackups(1);

        synthesize(2);
        await apply("lake");
        const inSecret = Date.now();
        const after = await loginOf("xray_app");
        expect(after.password).not.toBe(before.password);
        // The secret is ahead of the server: a job that starts now is refused by the password that it reads first.
        await expect(logIn("xray_app", after.password)).rejects.toMatchObject({ errno: 1045 });
        await someBackups(2);

        const began = Date.now();
        await rotate();
        const onServer = Date.now();
        await logIn("xray_app", before.password);
        await logIn("xray_app", after.password);
        await someBackups(2);

        await writeIni();
        await someBackups(1);
        const [discard] = blocksOf("secret-lost-or-leaked").filter(({ text }) => text.includes("DISCARD OLD PASSWORD"));
        for (const user of USERS) await get().connection.query((discard?.text ?? "").replace("xray_app", user));
        await expect(logIn("xray_app", before.password)).rejects.toMatchObject({ errno: 1045 });
        await someBackups(1);

        const runs = await backups.stop();
        const uploads = await webApp.stop();
        const between = runs.filter((run) => run.began > inSecret && run.ended < began).length;
        const across = runs.filter((run) => run.began < onServer && run.ended > began).length;
        process.stderr.write(
          `rotation by ${how}: ${JSON.stringify(uploads)}, ${runs.length} backups, ${between} of them between secret and ` +
            `server, ${across} while the server's passwords were changed (${onServer - began} ms)\n`,
        );
        expect(uploads).toMatchObject({ failed: 0, failures: {} });
        // The rate is the machine's; a slow one still writes all the time.
        expect(uploads.uploads).toBeGreaterThan(runs.length * 5);
        expect(between).toBeGreaterThan(0);
        expect(across).toBeGreaterThan(0);
      } finally {
        await Promise.allSettled([backups.stop(), webApp.stop()]);
      }
      const state = readFileSync(path.join(folder, "lake.tfstate"), "utf8");
      expect(state).not.toContain(before.password);
    };

    test("new passwords under a web app and a backup, by the replayer: no request fails", async () => {
      await rotatesUnderLoad(replay(replayApply), replay(replayPasswords), "the replayer");
    });

    (mysqlProviderVersion() === undefined ? test.skip : test)(
      "new passwords under a web app and a backup, by Terraform: no request fails",
      async () => {
        await rotatesUnderLoad(
          () => apply("schema"),
          () => apply("schema"),
          "Terraform",
        );
      },
    );
  },
  ["mysql"],
);
