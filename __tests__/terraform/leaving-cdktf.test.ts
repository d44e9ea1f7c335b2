import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { LOCAL_REGION } from "../../local/environment/aws-clients";
import { terraformEnvironment } from "../../local/environment/terraform-cli-config";
import { type Emulator, startEmulator } from "../../local/servers/aws/emulator";
import { localPath, repositoryRoot } from "../../local/tools/paths";
import { runCommand } from "../../local/tools/run-command";
import { terraformBinary } from "../../local/tools/terraform-binary";
import { blocksOf, withValues } from "../first-deploy/page";
import { Shell } from "../first-deploy/shell";

jest.setTimeout(5 * 60_000);

const folder = localPath("test", "leaving-cdktf");
const module_ = path.join(folder, "terraform", "small-lake");
let emulator: Emulator;
let environment: NodeJS.ProcessEnv;

const terraform = async (cwd: string, ...args: string[]): Promise<string> =>
  (await runCommand(terraformBinary(), args, { cwd, env: environment })).stdout;

beforeAll(async () => {
  emulator = await startEmulator();
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const app = path.join(repositoryRoot, "__tests__", "terraform", "support", "small-lake.js");
  writeFileSync(
    path.join(folder, "cdktf.json"),
    JSON.stringify({ language: "typescript", app: `node ${app}`, sendCrashReports: "false" }),
  );
  environment = {
    ...terraformEnvironment(),
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    AWS_DEFAULT_REGION: LOCAL_REGION,
    AWS_ENDPOINT_URL: emulator.url,
    TF_CLI_ARGS: "-no-color",
    PATH: [path.join(repositoryRoot, "node_modules", ".bin"), process.env["PATH"]].join(":"),
  };
  await runCommand(process.execPath, [app], { cwd: folder, env: environment });
  const stack = path.join(folder, "cdktf.out", "stacks", "small-lake");
  await terraform(stack, "init", "-no-color");
  await terraform(stack, "apply", "-auto-approve", "-no-color");
});

afterAll(() => emulator.stop());

test("docs/leaving-cdktf.md leads from a state of the JSON's to HCL whose plan is empty", async () => {
  const shell = new Shell(folder, folder, environment);
  try {
    for (const { heading, text } of blocksOf("leaving-cdktf.md")) {
      const { code, output } = await shell.run(withValues(text, { STACK: "small-lake" }));
      // A last command that fails, also one in the middle, leaves the plan or its file missing.
      if (code !== 0) throw new Error(`${heading}\n${text}\n${output}`);
      if (/^\d\. (Begin|Plan)/.test(heading)) expect(output).toMatch(/No changes\./);
      if (heading.endsWith("Plan")) expect(output).not.toMatch(/Quoted references/);
    }
  } finally {
    shell.close();
  }
  expect(readdirSync(module_).sort()).toEqual(
    expect.arrayContaining(["assets", "cdk.tf", "terraform.tfstate", expect.stringMatching(/\.tf\.json$/)]),
  );
});

test("a resource that is added by hand is what the next plan makes", async () => {
  writeFileSync(path.join(module_, "added.tf"), 'resource "aws_sns_topic" "kept_by_hand" {\n}\n');
  await terraform(module_, "plan", "-no-color", "-out=plan.bin");
  const { resource_changes: changes } = JSON.parse(await terraform(module_, "show", "-json", "plan.bin")) as {
    resource_changes: { address: string; change: { actions: string[] } }[];
  };
  expect(changes.filter(({ change }) => change.actions.join() !== "no-op").map(({ address }) => address)).toEqual([
    "aws_sns_topic.kept_by_hand",
  ]);
});
