import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { terraformEnvironment } from "../../local/environment/terraform-cli-config";
import type { Emulator } from "../../local/servers/aws/emulator";
import { startEmulator } from "../../local/servers/aws/emulator";
import { localPath, repositoryRoot } from "../../local/tools/paths";
import { DataLakeStack } from "../../src/stacks/data-lake-stack";
import { Page, Shell } from "../support/runbook";
import { StackFolder } from "./support/stack-folder";

jest.setTimeout(10 * 60_000);

let emulator: Emulator;
let stack: StackFolder;
let shell: Shell;
const page = (name: string): Page => new Page(name, "sh", (text) => shell.run(text));

beforeAll(async () => {
  emulator = await startEmulator();
  stack = new StackFolder("runbook", emulator.url);
  await stack.synthesize((app) => {
    new DataLakeStack(app, {
      name: "clinic",
      region: "eu-central-1",
      protect: true,
      sampleData: false,
      backupBucket: {},
    });
  });
  await stack.plan();
  await stack.apply();
  const desk = localPath("test", "runbook", "desk");
  mkdirSync(path.join(desk, "cdktf.out"), { recursive: true });
  symlinkSync(localPath("test", "runbook", "stacks"), path.join(desk, "cdktf.out", "stacks"));
  shell = await Shell.open(desk, {
    ...terraformEnvironment(),
    AWS_ENDPOINT_URL: emulator.url,
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    AWS_DEFAULT_REGION: "eu-central-1",
    POLL_SECONDS: "0.1",
    // The answer that a person types.
    TF_CLI_ARGS_apply: "-auto-approve",
    TF_CLI_ARGS_plan: "-no-color",
  });
  await shell.run(`. ${path.join(repositoryRoot, "docs", "runbook", "names.sh")} clinic`);
});

afterAll(async () => {
  shell.close();
  await emulator.stop();
});

const state = localPath("test", "runbook", "tfstate");
// Five minutes of the AWS CLI and Terraform: too long for each `make test`.
const inMakeRunbook = process.env["RUNBOOK"] === "whole" ? test : test.skip;

test("the names come from the stack's outputs", async () => {
  expect((await shell.run('echo "$STORE $DB $BACKUP_JOB $RESTORE_JOB"')).trim()).toMatch(
    /^s3:\/\/clinic-data-lake-backups\S*\/backup clinic-data-lake-database clinic-data-lake-backup clinic-data-lake-restore$/,
  );
});

test("a secret is lost, then leaked; the key is on its way out", async () => {
  const secret = JSON.parse(
    await shell.run('terraform -chdir="cdktf.out/stacks/clinic-data-lake" output -json user_secret_arns'),
  ) as Record<string, string>;
  const id = secret["xray_app"] ?? "";
  const password = async () =>
    shell.run(`aws secretsmanager get-secret-value --secret-id "${id}" --query SecretString --output text`);
  const first = await password();
  await shell.run(`aws secretsmanager delete-secret --secret-id "${id}" --recovery-window-in-days 30`);
  const runbook = page("secret-lost-or-leaked");
  expect(await runbook.next("Look")).toMatch(/xray_app-\S+\t\d/);
  await runbook.next("Do", { SECRET: id });
  expect(await password()).toBe(first);
  await runbook.next("Do");
  expect(await password()).not.toBe(first);
  await runbook.next("Do");
  await shell.run(
    `aws kms schedule-key-deletion --key-id "$(aws kms describe-key --key-id alias/clinic-data-lake-key --query KeyMetadata.KeyId --output text)"`,
  );
  await runbook.next("The key", { KEY: "alias/clinic-data-lake-key" });
  expect(await shell.run("aws kms describe-key --key-id $KEY_ID --query KeyMetadata.KeyState --output text")).toContain(
    "Enabled",
  );
  expect(await runbook.next("It is ended when")).toContain("SUCCEEDED");
  runbook.end();
});

test("the state is lost: an earlier version of its object, or what holds data is imported", async () => {
  const stateBucket = "clinic-terraform-state";
  await shell.run(`aws s3api create-bucket --bucket ${stateBucket} --create-bucket-configuration LocationConstraint=eu-central-1
    aws s3api put-bucket-versioning --bucket ${stateBucket} --versioning-configuration Status=Enabled
    aws s3 cp ${state} s3://${stateBucket}/clinic-data-lake.tfstate
    aws s3 cp block.sh s3://${stateBucket}/clinic-data-lake.tfstate
    aws s3api delete-object --bucket ${stateBucket} --key clinic-data-lake.tfstate`);
  const runbook = page("terraform-state-lost");
  const versions = (await runbook.next("Look", { STATE_BUCKET: stateBucket })).trim().split("\n");
  const right = versions.map((line) => line.split("\t")).find(([, , , , size]) => Number(size) > 10_000);
  await runbook.next("Do", { VERSION: right?.[3] ?? "" });
  await shell.run(`aws s3 cp s3://${stateBucket}/clinic-data-lake.tfstate ${state}`);
  const [imports] = runbook.left.splice(0, 1);
  expect(await runbook.next("It is ended when")).toContain("No changes");

  const names = (await shell.run('echo "$BUCKET $DB $BACKUP_BUCKET"')).trim().split(" ");
  const kept = readFileSync(state);
  rmSync(state);
  runbook.left.push(...(imports === undefined ? [] : [imports]));
  await shell.run(`mkdir -p docs && ln -sfn ${path.join(repositoryRoot, "docs", "runbook")} docs/runbook`);
  const plan = await runbook.next("Do", { BUCKET: names[0] ?? "", DB: names[1] ?? "", BACKUP_BUCKET: names[2] ?? "" });
  expect(plan).toMatch(/Plan: 30 to import, \d+ to add, \d+ to change, 0 to destroy/);
  // None of these is made again.
  const made = [...plan.matchAll(/# (\w+)\.(\w+)_[0-9A-F]{8} will be created/g)].map(([, type]) => type);
  for (const type of [
    "aws_kms_key",
    "aws_db_instance",
    "aws_s3_bucket_object_lock_configuration",
    "aws_secretsmanager_secret",
    "aws_vpc",
    "aws_subnet",
  ]) {
    expect(made).not.toContain(type);
  }
  runbook.end();
  writeFileSync(state, kept);
  await shell.run('rm "$LAKE/imports.tf"');
});

inMakeRunbook("the instance is gone: another one takes its name and its place in the state", async () => {
  const runbook = page("instance-gone");
  expect(await runbook.next("Look")).toContain("clinic-data-lake-database\tavailable");
  expect(await runbook.next("Do")).toMatch(/--db-parameter-group-name clinic-data-lake-database-\d+/);
  await runbook.next("Do", { WHEN: new Date(Date.now() - 600_000).toISOString() });
  // The destroy of an instance leaves a final snapshot; here the second way follows the first.
  await shell.run(`aws rds modify-db-instance --db-instance-identifier "$DB" --no-deletion-protection
    aws rds delete-db-instance --db-instance-identifier "$DB" --final-db-snapshot-identifier "$DB-final-20261127"`);
  await runbook.next("Do");
  expect(await runbook.next("Do")).toMatch(/Plan: 1 to add, \d+ to change, 1 to destroy/);
  await runbook.next("Do");
  // The emulator takes the new instance for a replica, and has no Performance Insights on it.
  expect(await stack.plan()).toEqual({
    imported: [],
    changed: ["aws_db_instance.Database"],
    add: 0,
    destroy: 0,
    replace: 0,
  });
  expect(await runbook.next("Do")).toContain("SUCCEEDED");
  // __tests__/mysql/terraform.test.ts runs it.
  expect(runbook.left.shift()?.heading).toBe("Bring Terraform in step");
  expect(await runbook.next("It is ended when")).toContain("SUCCEEDED");
  runbook.end();
});
