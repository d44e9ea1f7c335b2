import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LOCAL_REGION } from "../../local/environment/aws-clients";
import { terraformEnvironment } from "../../local/environment/terraform-cli-config";
import type { Emulator } from "../../local/servers/aws/emulator";
import { startEmulator } from "../../local/servers/aws/emulator";
import { localPath, repositoryRoot } from "../../local/tools/paths";
import { runCommand } from "../../local/tools/run-command";
import { isOpenTofu, terraformBinary } from "../../local/tools/terraform-binary";
import { callAws } from "../support/emulator-calls";
import { stepOf } from "../support/workflow";

jest.setTimeout(10 * 60_000);

const work = localPath("test", "plan-in-ci");
const APPLY = "Apply the plan that was approved";
const SCHEMA = "Deploy the schema through the tunnel";
const TELL = "Tell what was changed by hand";
let environment: NodeJS.ProcessEnv;

/** Runs a step of the workflow, as GitHub does. */
const run = (step: string, STACKS = "clinic", variables: NodeJS.ProcessEnv = {}) =>
  runCommand("bash", ["-e", "-c", stepOf(step)], {
    cwd: work,
    env: { ...environment, STACKS, ...variables },
    okCodes: [0, 1],
  });

const stack = path.join(work, "cdktf.out", "stacks", "clinic");

/** Writes the stack as a synthesis does. */
function synthesize(configuration: object): void {
  mkdirSync(stack, { recursive: true });
  const terraform = { backend: { local: { path: path.join(work, "tfstate") } } };
  writeFileSync(path.join(stack, "cdk.tf.json"), JSON.stringify({ terraform, ...configuration }));
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** A commit of the main branch: its plan is made, approved, and taken to the job that applies it. */
async function approve(configuration: object): Promise<void> {
  synthesize(configuration);
  expect(await run("Plan")).toMatchObject({ code: 0 });
  rmSync(path.join(work, "approved"), { recursive: true, force: true });
  cpSync(path.join(work, "cdktf.out"), path.join(work, "approved", "cdktf.out"), { recursive: true });
}

beforeEach(() => {
  rmSync(work, { recursive: true, force: true });
  const bin = path.join(work, "node_modules", ".bin");
  mkdirSync(bin, { recursive: true });
  const program = (name: string, command: string) =>
    writeFileSync(path.join(bin, name), `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
  program("xray-plan", `node ${path.join(repositoryRoot, "dist", "plan", "cli.js")}`);
  if (terraformBinary() !== "terraform") program("terraform", terraformBinary());
  // These tests write the synthesized stacks themselves, and need no database.
  program("cdktf", "true");
  program("xray-tunnel", "sh -c 'echo $$ > tunnel.pid; echo The tunnel is open; exec sleep 600'");
  environment = { ...terraformEnvironment(), PATH: `${bin}:${process.env["PATH"]}` };
});

describe("with a resource of Terraform itself", () => {
  const data = (input: string) => ({ resource: { terraform_data: { a: { input } } } });

  test("a plan is applied once, as it was approved, and drift is looked for in what it made", async () => {
    await approve(data("approved"));
    synthesize(data("written later"));
    expect(await run(APPLY)).toMatchObject({ code: 0 });
    expect(readFileSync(path.join(work, "tfstate"), "utf8")).toContain('"value": "approved"');
    expect(await run(TELL)).toMatchObject({ code: 0 });
    expect(await run(APPLY)).toMatchObject({
      code: 1,
      output: expect.stringContaining("Saved plan is stale") as string,
    });
    cpSync(path.join(work, "approved"), work, { recursive: true });
    expect(await run("Look for drift")).toMatchObject({ code: 0 });
  });

  test("a state that is not there is no state without drift", async () => {
    await approve(data("approved"));
    expect(await run("Look for drift")).toMatchObject({
      code: 1,
      output: expect.stringContaining(
        "error: clinic: its state holds no resource, so that nothing was compared",
      ) as string,
    });
  });

  test("the schema's stack is planned and applied through the tunnel, which is closed then", async () => {
    synthesize(data("schema"));
    expect(await run(SCHEMA, "clinic", { SCHEMA: "clinic" })).toMatchObject({ code: 0 });
    expect(readFileSync(path.join(work, "tfstate"), "utf8")).toContain('"value": "schema"');
    expect(readFileSync(path.join(work, "schema.md"), "utf8")).toContain("## Plan: 1 to add");
    const tunnel = Number(readFileSync(path.join(work, "tunnel.pid"), "utf8"));
    for (let tries = 0; tries < 50 && isRunning(tunnel); tries += 1) await sleep(100);
    expect(isRunning(tunnel)).toBe(false);
  });

  test("a stack that is gone from the app has no plan, and no comment of an earlier one is left", async () => {
    writeFileSync(path.join(work, "comment.md"), "## Plan: no changes\n");
    expect(await run("Plan", "gone")).toMatchObject({ code: 1 });
    expect(existsSync(path.join(work, "comment.md"))).toBe(false);
  });
});

describe("with a resource of AWS", () => {
  let emulator: Emulator;

  /** Writes the state of one resource, which an apply would take a while for. */
  function writeState(type: string, attributes: object): void {
    const provider = `provider["registry.${isOpenTofu() ? "opentofu.org" : "terraform.io"}/hashicorp/aws"]`;
    const resource = { mode: "managed", type, name: "audit", provider, instances: [{ schema_version: 0, attributes }] };
    const state = {
      version: 4,
      terraform_version: "1.11.0",
      serial: 1,
      lineage: "1",
      outputs: {},
      resources: [resource],
    };
    writeFileSync(path.join(work, "tfstate"), JSON.stringify(state));
  }

  beforeAll(async () => {
    emulator = await startEmulator();
  });
  afterAll(() => emulator.stop());

  test("what somebody changed by hand is told by the apply that takes it into the state", async () => {
    const group = { name: "audit", retention_in_days: 400 };
    synthesize({
      provider: {
        aws: {
          region: LOCAL_REGION,
          access_key: "local",
          secret_key: "local",
          endpoints: [{ logs: emulator.url, sts: emulator.url }],
        },
      },
      resource: { aws_cloudwatch_log_group: { audit: group } },
    });
    writeState("aws_cloudwatch_log_group", { ...group, id: "audit", skip_destroy: false });
    await callAws(emulator.url, "logs", "CreateLogGroup", { logGroupName: "audit" });
    await callAws(emulator.url, "logs", "PutRetentionPolicy", { logGroupName: "audit", retentionInDays: 1 });
    for (const args of [["init"], ["plan", "-refresh=false", "-out=plan.bin"]]) {
      await runCommand(terraformBinary(), [...args, "-input=false", "-no-color"], { cwd: stack, env: environment });
    }
    cpSync(path.join(work, "cdktf.out"), path.join(work, "approved", "cdktf.out"), { recursive: true });
    expect(await run(APPLY)).toMatchObject({ code: 0 });
    // The weekly check would not tell it any more.
    expect(readFileSync(path.join(work, "tfstate"), "utf8")).toContain('"retention_in_days": 1,');
    expect(await run(TELL)).toMatchObject({
      code: 1,
      output: expect.stringContaining("error: clinic: what is deployed differs from the code") as string,
    });
    expect(readFileSync(path.join(work, "drift.md"), "utf8")).toContain("`retention_in_days`: `400` → `1`");
  });

  test("a schema's plan that would lose data is not applied", async () => {
    const offline = { skip_credentials_validation: true, skip_requesting_account_id: true };
    synthesize({ provider: { aws: { region: LOCAL_REGION, access_key: "local", secret_key: "local", ...offline } } });
    writeState("aws_dynamodb_table", { id: "image", name: "image" });
    const { code, output } = await run(SCHEMA, "clinic", { SCHEMA: "clinic", TF_CLI_ARGS_plan: "-refresh=false" });
    expect([code, output]).toEqual([
      1,
      expect.stringContaining("error: clinic: aws_dynamodb_table.audit would be destroyed: the table with its rows"),
    ]);
    expect(readFileSync(path.join(work, "tfstate"), "utf8")).toContain("aws_dynamodb_table");
  });
});
