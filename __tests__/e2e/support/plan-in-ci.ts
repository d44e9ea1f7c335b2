import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { CreateBucketCommand, DeleteBucketCommand, DeleteObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { TerraformOutput, TerraformStack } from "cdktf";
import { LOCAL_REGION, s3Client } from "../../../local/environment/aws-clients";
import { DATA_LAKE, type Deployment } from "../../../local/environment/deployment";
import { terraformEnvironment } from "../../../local/environment/terraform-cli-config";
import { localPath, repositoryRoot } from "../../../local/tools/paths";
import { runCommand } from "../../../local/tools/run-command";
import { terraformBinary } from "../../../local/tools/terraform-binary";
import { GithubActionsRole } from "../../../src/modules/ci/github-actions-role";
import { queryAws } from "../../support/emulator-calls";
import { stepOf } from "../../support/workflow";
import { StackFolder } from "../../terraform/support/stack-folder";
import { EnforcedAccount, type Session } from "./enforced-account";
import { allowed, attempts } from "./enforcement";

const STATE_BUCKET = "acme-xray-local-state";
const COLUMN = "-- Who reads the image.\nALTER TABLE image ADD COLUMN reader VARCHAR(60) NULL INVISIBLE;\n";
const work = localPath("e2e-plan");

/** Both roles, in a stack of their own. */
class RolesStack extends TerraformStack {
  constructor(scope: ConstructorParameters<typeof TerraformStack>[0]) {
    super(scope, "plan-in-ci");
    new AwsProvider(this, "aws", { region: LOCAL_REGION });
    const planned = { stackName: DATA_LAKE, stateBucketName: STATE_BUCKET };
    const repository = "acme/x-ray";
    const plan = new GithubActionsRole(this, "Plan", {
      repository,
      environment: "local-plan",
      plannedStacks: [planned],
    });
    const drift = new GithubActionsRole(this, "Drift", {
      repository,
      environment: "local-drift",
      openIdConnectProviderArn: plan.openIdConnectProviderArn,
      plannedStacks: [{ ...planned, refresh: true }],
    });
    new TerraformOutput(this, "plan", { value: plan.roleName, staticId: true });
    new TerraformOutput(this, "drift", { value: drift.roleName, staticId: true });
  }
}

/** The comments that docs/plan-in-ci.md shows. */
function shownComments(): string[] {
  const page = readFileSync(path.join(repositoryRoot, "docs", "plan-in-ci.md"), "utf8");
  return [...page.matchAll(/^(`{3,})text\n([\s\S]*?)^\1$/gm)].map(([, , text = ""]) => text);
}

/** Tests of pull requests to a deployed environment, by the commands of the workflow and with the roles' own rights. */
export function describePlanInCi(deployment: Deployment): void {
  const environment: NodeJS.ProcessEnv = { ...terraformEnvironment(), STACKS: DATA_LAKE, MIGRATIONS: "sql/migrations" };
  const sessions = {} as Record<"plan" | "drift", Session>;
  let account: EnforcedAccount;
  let roles: StackFolder;

  beforeAll(async () => {
    const { url } = deployment.emulator;
    roles = new StackFolder("plan-in-ci", url);
    await roles.synthesize((app) => new RolesStack(app));
    await roles.plan();
    await roles.apply();
    const names = (await roles.outputs()) as Record<keyof typeof sessions, string>;
    account = await EnforcedAccount.start(url, String(deployment.outputs["bucket"]));
    sessions.plan = await account.assume(names.plan);
    sessions.drift = await account.assume(names.drift);

    const s3 = s3Client(url);
    await s3.send(
      new CreateBucketCommand({
        Bucket: STATE_BUCKET,
        CreateBucketConfiguration: { LocationConstraint: LOCAL_REGION },
      }),
    );
    const state = path.join(deployment.project.folder, ".local", "state", `${DATA_LAKE}.tfstate`);
    // The emulator gives each instance a public address, whatever it is told.
    const Body = readFileSync(state, "utf8").replace(
      /"associate_public_ip_address": true/,
      '"associate_public_ip_address": false',
    );
    await s3.send(new PutObjectCommand({ Bucket: STATE_BUCKET, Key: `${DATA_LAKE}.tfstate`, Body }));
    await checkOut();
  });
  afterAll(async () => {
    await account?.proxy.stop();
    // A later test looks for what the environment leaves in the emulator.
    await roles.terraform("destroy", "-auto-approve", "-no-color");
    const s3 = s3Client(deployment.emulator.url);
    await s3.send(new DeleteObjectCommand({ Bucket: STATE_BUCKET, Key: `${DATA_LAKE}.tfstate` }));
    await s3.send(new DeleteBucketCommand({ Bucket: STATE_BUCKET }));
  });

  /** A repository with a commit that adds a column, and the commands on the path. */
  async function checkOut(): Promise<void> {
    rmSync(work, { recursive: true, force: true });
    const bin = path.join(work, "node_modules", ".bin");
    mkdirSync(bin, { recursive: true });
    const { folder } = deployment.project;
    const program = (name: string, command: string) =>
      writeFileSync(path.join(bin, name), `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
    program("xray-plan", `node ${path.join(folder, "dist", "plan", "cli.js")}`);
    if (terraformBinary() !== "terraform") program("terraform", terraformBinary());
    environment["PATH"] = `${bin}:${process.env["PATH"]}`;
    const migrations = path.join(work, "sql", "migrations");
    cpSync(path.join(folder, "sql", "migrations"), migrations, { recursive: true });
    const git = (...args: string[]) =>
      runCommand("git", ["-c", "user.name=Anna", "-c", "user.email=anna@example.org", ...args], { cwd: work });
    await git("init", "--quiet");
    await git("add", "sql");
    await git("commit", "--quiet", "--message", "base");
    writeFileSync(path.join(migrations, "V0003__add_reader.sql"), COLUMN);
    await runCommand("node", [path.join(folder, "dist", "schema", "cli.js"), "lock"], { cwd: work });
    await git("add", "sql");
    await git("commit", "--quiet", "--message", "add a column");
  }

  /** Synthesizes the environment as a pull request has it, with its state in a bucket and AWS behind the proxy. */
  async function synthesize(session: Session, change: NodeJS.ProcessEnv = {}): Promise<void> {
    const { emulator, mysql, project } = deployment;
    const outdir = path.join(work, "cdktf.out");
    const stack = path.join(outdir, "stacks", DATA_LAKE);
    await runCommand("node", ["app.js"], {
      cwd: project.folder,
      env: {
        ...process.env,
        AWS_ENDPOINT_URL: emulator.url,
        MYSQL_ENDPOINT: `${mysql.host}:${mysql.port}`,
        MYSQL_TLS_CA_CERT: mysql.caFile,
        CDKTF_OUTDIR: outdir,
        ...change,
      },
    });
    const { url } = account.proxy;
    const { provider } = JSON.parse(readFileSync(path.join(stack, "cdk.tf.json"), "utf8")) as {
      provider: { aws: { endpoints: Record<string, string>[] }[] };
    };
    const services = Object.keys(provider.aws[0]?.endpoints[0] ?? {});
    const { AWS_ACCESS_KEY_ID: access_key, AWS_SECRET_ACCESS_KEY: secret_key, AWS_SESSION_TOKEN: token } = session;
    const override = {
      provider: {
        aws: {
          access_key,
          secret_key,
          token,
          endpoints: [Object.fromEntries(services.map((service) => [service, url]))],
        },
      },
      terraform: {
        backend: {
          s3: {
            bucket: STATE_BUCKET,
            key: `${DATA_LAKE}.tfstate`,
            region: LOCAL_REGION,
            endpoints: { s3: url },
            use_lockfile: true,
            use_path_style: true,
            skip_credentials_validation: true,
            skip_requesting_account_id: true,
          },
        },
      },
    };
    writeFileSync(path.join(stack, "ci_override.tf.json"), JSON.stringify(override));
  }

  /** Runs steps of the workflow in the checkout; gives the last one's exit code. */
  async function run(session: Session, steps: string[], variables: NodeJS.ProcessEnv = {}): Promise<number> {
    let last = 0;
    for (const step of steps) {
      const { code } = await runCommand("bash", ["-e", "-c", stepOf(step)], {
        cwd: work,
        env: { ...environment, ...session, AWS_REGION: LOCAL_REGION, ...variables },
        okCodes: step === steps.at(-1) ? [0, 1, 123] : [0],
        logFile: localPath("log", `plan-in-ci-${step.toLowerCase().replaceAll(" ", "-")}.log`),
      });
      last = code;
    }
    return last;
  }

  const comment = (): string => readFileSync(path.join(work, "comment.md"), "utf8");
  /** Actions of the calls that a piece of work sends. */
  async function calledBy(task: () => Promise<void>): Promise<string[]> {
    const before = account.proxy.calls.length;
    await task();
    return [...new Set(account.proxy.calls.slice(before).map(({ action }) => action))].sort();
  }

  test("that adds a column is planned with the role's own rights, and its comment shows the statement", async () => {
    const refusals = account.proxy.refusals.length;
    const called = await calledBy(async () => {
      await synthesize(sessions.plan);
      expect(await run(sessions.plan, ["Plan", "Write the comment"], { BASE: "HEAD^1" })).toBe(0);
    });
    // The provider asks IAM first for the account, where it does not validate its keys as it does on AWS, and then STS.
    const refused = account.proxy.refusals.slice(refusals).filter((refusal) => !refusal.endsWith("iam:GetUser on *"));
    expect(refused).toEqual([]);
    expect(called).toEqual(expect.arrayContaining(["s3:DeleteObject", "s3:GetObject", "s3:PutObject"])); // state and lock
    const others = ["iam:GetUser", "secretsmanager:GetRandomPassword", "ssm:GetParameter", "sts:GetCallerIdentity"];
    expect(called.filter((action) => !action.startsWith("s3:") && !others.includes(action))).toEqual([]);
    expect(comment()).toBe(shownComments()[0]);
  });

  test("that would replace the database is refused, and its comment says so first", async () => {
    await synthesize(sessions.plan, { MASTER_USERNAME: "chief" });
    expect(await run(sessions.plan, ["Plan", "Write the comment"], { BASE: "HEAD" })).toBe(1);
    expect(comment()).toBe(shownComments()[1]);
    const [address = ""] = /aws_db_instance\.\w+/.exec(comment()) ?? [];
    expect(
      await run(sessions.plan, ["Write the comment"], { BASE: "HEAD", ALLOW_DESTROY: `${DATA_LAKE}:${address}` }),
    ).toBe(0);
  });

  test.each([
    ["plan", []],
    ["drift", ["list backups", "list images"]],
  ] as const)("gives the role %s no secret and no image", async (name, may) => {
    const bucket = String(deployment.outputs["bucket"]);
    const secrets = deployment.outputs["user_secret_arns"] as Record<string, string>;
    const tried = attempts(sessions[name], account.proxy.url, { images: bucket, backups: bucket }, secrets);
    expect(await allowed(account, tried)).toEqual(may);
  });

  test("is not needed to see drift: the weekly check finds what somebody changed by hand", async () => {
    const keepBackups = (days: number) =>
      queryAws(deployment.emulator.url, "rds", "ModifyDBInstance", {
        DBInstanceIdentifier: "local-data-lake-database",
        BackupRetentionPeriod: String(days),
        ApplyImmediately: "true",
      });
    await keepBackups(1);
    const refusals = account.proxy.refusals.length;
    await synthesize(sessions.drift);
    const code = await run(sessions.drift, ["Look for drift"]);
    await keepBackups(7);
    expect(account.proxy.refusals.slice(refusals)).toEqual([]);
    expect(code).toBe(1);
    const drift = readFileSync(path.join(work, "drift.md"), "utf8");
    expect(drift).toContain("`backup_retention_period`: `7` → `1`");
    expect(drift).toContain("- ❌ `local-data-lake: what is deployed differs from the code`");
  });
}
