import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Emulator } from "../../local/servers/aws/emulator";
import { emulatorPython, startEmulator } from "../../local/servers/aws/emulator";
import { localPath, repositoryRoot } from "../../local/tools/paths";
import { runCommand } from "../../local/tools/run-command";
import { terraformEnvironment } from "../../local/environment/terraform-cli-config";
import { EXAMPLES, synthesizeExample } from "./support/examples";
import { readSkips, runCheckov, unexplained } from "./support/findings";
import { terraformBinary } from "../../local/tools/terraform-binary";

jest.setTimeout(5 * 60_000);

const ENVIRONMENTS = ["local", "dev", "prod"];
/** Output of `terraform show -json` for a plan. */
interface Plan {
  readonly resource_changes: { readonly mode: string; readonly change: { readonly actions: string[] } }[];
}

const folder = localPath("offline-plans");
let emulator: Emulator;
let environment: NodeJS.ProcessEnv;

async function terraform(stack: string, ...args: string[]): Promise<string> {
  return (await runCommand(terraformBinary(), args, { cwd: path.join(folder, stack), env: environment })).stdout;
}

beforeAll(async () => {
  emulator = await startEmulator();
  // Keys that no account has, and an address where nobody answers: what calls AWS at plan fails. The one exception are the
  // passwords, which are drawn at each plan and thrown away.
  environment = {
    ...terraformEnvironment(),
    AWS_ACCESS_KEY_ID: "offline",
    AWS_SECRET_ACCESS_KEY: "offline",
    AWS_ENDPOINT_URL: "http://127.0.0.1:9",
    AWS_ENDPOINT_URL_SECRETS_MANAGER: emulator.url,
  };
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(localPath("plans"), { recursive: true });
  await runCommand(process.execPath, [path.join(repositoryRoot, "dist", "main.js")], {
    cwd: repositoryRoot,
    env: { ...process.env, CDKTF_OUTDIR: folder, AWS_ENDPOINT_URL: emulator.url },
  });
  for (const name of ENVIRONMENTS) {
    const stack = `${name}-data-lake`;
    cpSync(path.join(folder, "stacks", stack), path.join(folder, stack), { recursive: true });
    writeFileSync(
      path.join(folder, stack, "offline_override.tf.json"),
      JSON.stringify({
        terraform: { backend: { local: { path: "offline.tfstate" } } },
        provider: {
          aws: { skip_credentials_validation: true, skip_requesting_account_id: true, skip_metadata_api_check: "true" },
        },
      }),
    );
  }
});

afterAll(() => emulator.stop());

test("an emulator that is not there is told of within seconds", async () => {
  const stack = "nobody-there";
  const text = readFileSync(path.join(folder, "stacks", "local-data-lake", "cdk.tf.json"), "utf8");
  mkdirSync(path.join(folder, stack, "assets"), { recursive: true });
  writeFileSync(path.join(folder, stack, "cdk.tf.json"), text.replaceAll(emulator.url, "http://127.0.0.1:9"));
  const backend = { terraform: { backend: { local: { path: "offline.tfstate" } } } };
  writeFileSync(path.join(folder, stack, "offline_override.tf.json"), JSON.stringify(backend));
  await terraform(stack, "init", "-no-color");
  const start = Date.now();
  await expect(terraform(stack, "plan", "-no-color")).rejects.toThrow(/Retrieving AWS account details/);
  expect(Date.now() - start).toBeLessThan(60_000);
});

describe.each(ENVIRONMENTS)("the data-lake stack of %s", (name) => {
  const stack = `${name}-data-lake`;

  test("is valid Terraform", async () => {
    await terraform(stack, "init", "-no-color");
    expect(JSON.parse(await terraform(stack, "validate", "-json"))).toMatchObject({ valid: true, warning_count: 0 });
  });

  test("can be planned without a network and without an account", async () => {
    await terraform(stack, "plan", "-no-color", "-out=plan.bin");
    const json = await terraform(stack, "show", "-json", "plan.bin");
    writeFileSync(localPath("plans", `${name}.json`), json);
    const { resource_changes: changes } = JSON.parse(json) as Plan;
    const managed = changes.filter(({ mode }) => mode === "managed");
    expect(managed.length).toBeGreaterThanOrEqual(60);
    expect(managed.every(({ change }) => change.actions.join() === "create")).toBe(true);
  });
});

describe("the examples", () => {
  const account: Record<string, string> = {};

  beforeAll(async () => {
    // What was made in the console is there, for an example that imports it.
    const script = path.join(repositoryRoot, "glue", "tests", "support", "hand_made_set_up.py");
    const handMade = JSON.parse((await runCommand(emulatorPython, [script, emulator.url])).stdout) as object;
    jest.doMock(path.join(repositoryRoot, "examples", "adopt-hand-made-set-up", "hand-made"), () => ({ handMade }));
    Object.assign(account, { AWS_ENDPOINT_URL: emulator.url });
  });

  test.each(Object.keys(EXAMPLES))("%s can be planned", async (name) => {
    const cwd = await synthesizeExample(name, path.join(folder, name));
    const aws = { s3_use_path_style: true, skip_credentials_validation: true, skip_metadata_api_check: "true" };
    writeFileSync(
      path.join(cwd, "emulator_override.tf.json"),
      JSON.stringify({ terraform: { backend: { local: { path: "offline.tfstate" } } }, provider: { aws } }),
    );
    const env = { ...environment, ...account };
    await runCommand(terraformBinary(), ["init", "-no-color"], { cwd, env });
    await runCommand(terraformBinary(), ["plan", "-no-color", "-out=plan.bin"], { cwd, env });
    const { stdout } = await runCommand(terraformBinary(), ["show", "-json", "plan.bin"], { cwd, env });
    writeFileSync(localPath("plans", `${name}.json`), stdout);
    const changes = (JSON.parse(stdout) as Plan).resource_changes.filter(({ mode }) => mode === "managed");
    expect(changes.length).toBeGreaterThanOrEqual(40);
  });
});

test("checkov finds nothing in a plan but what policy/skips.csv has a reason for", async () => {
  const skips = readSkips();
  const verdicts = await runCheckov(localPath("plans"), [...ENVIRONMENTS, ...Object.keys(EXAMPLES)]);
  const counts = Object.entries(verdicts).map(([name, { passed, findings }]) => ({
    stack: name,
    passed,
    skipped: findings.length,
  }));
  console.table(counts);
  for (const { passed } of counts) expect(passed).toBeGreaterThan(100);
  const findings = Object.values(verdicts).flatMap((verdict) => verdict.findings);
  expect(
    unexplained(
      findings,
      skips.filter(({ rule }) => /^CKV/.test(rule)),
    ),
  ).toEqual([]);
});
