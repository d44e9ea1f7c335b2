import { mkdirSync } from "node:fs";
import path from "node:path";
import { copyApp } from "../../local/environment/app-copy";
import { type Emulator, startEmulator } from "../../local/servers/aws/emulator";
import { localPath } from "../../local/tools/paths";
import { runCommand } from "../../local/tools/run-command";
import { terraformEnvironment } from "../../local/environment/terraform-cli-config";
import { deployerPolicies, type PolicyDocument } from "../../src/deployer-policy/policies";
import { SynthesizedStack } from "../../src/deployer-policy/synthesized-stack";
import { judgeBy } from "../support/aws-calls/judge";
import { tagsOf } from "../support/aws-calls/recorded-requests";
import { RecordingProxy } from "../support/aws-calls/recording-proxy";
import { terraformBinary } from "../../local/tools/terraform-binary";

jest.setTimeout(5 * 60_000);

const STACK = "dev-state-backend";
const folder = localPath("test", "deployer");
let emulator: Emulator;
let policies: PolicyDocument[];

beforeAll(async () => {
  copyApp(folder);
  emulator = await startEmulator();
  const stack = await synthesize("acme-xray-dev-state");
  policies = deployerPolicies([new SynthesizedStack(STACK, stack)]);
});
afterAll(() => emulator.stop());

/** Folder of the stack that makes the state's bucket; its own state lies beside it. */
async function synthesize(bucket: string): Promise<string> {
  const cwd = path.join(folder, bucket);
  mkdirSync(cwd, { recursive: true });
  await runCommand("node", ["../dist/main.js"], { cwd, env: { ...process.env, DEV_STATE_BUCKET: bucket } });
  return path.join(cwd, "cdktf.out", "stacks", STACK);
}

/** Deploys a state's bucket behind a proxy that refuses what the policies do not allow; gives what was refused. */
async function deploy(bucket: string, given: readonly object[]): Promise<{ refusals: string[]; error?: string }> {
  const proxy = await RecordingProxy.start(emulator.url, judgeBy(given, tagsOf("dev")));
  const keys = { AWS_ACCESS_KEY_ID: "deployer", AWS_SECRET_ACCESS_KEY: "local" };
  const options = {
    cwd: await synthesize(bucket),
    env: { ...terraformEnvironment(), ...keys, AWS_ENDPOINT_URL: proxy.url },
  };
  let error: string | undefined;
  try {
    await runCommand(terraformBinary(), ["init", "-no-color"], options);
    await runCommand(terraformBinary(), ["apply", "-auto-approve", "-no-color"], options);
  } catch (reason) {
    error = (reason as Error).message;
  }
  await proxy.stop();
  return { refusals: proxy.refusals, ...(error !== undefined && { error }) };
}

/** The policies for a bucket of another name, without an action. */
function policiesFor(bucket: string, without?: string): object[] {
  const text = JSON.stringify(policies).replaceAll("acme-xray-dev-state", bucket);
  return (JSON.parse(text) as PolicyDocument[]).map(({ Statement, ...rest }) => ({
    ...rest,
    Statement: Statement.map((one) => ({ ...one, Action: one.Action.filter((name) => name !== without) })),
  }));
}

test("a deploy of the state's bucket needs the deployer's policy, and nothing more", async () => {
  expect(await deploy("acme-xray-dev-state", policies)).toEqual({ refusals: [] });
});

test.each([
  ["s3:CreateBucket", "without-create"],
  ["s3:PutBucketPolicy", "without-policy"],
  ["s3:GetBucketTagging", "without-tags"],
])("without %s it fails", async (action, bucket) => {
  const { refusals, error } = await deploy(bucket, policiesFor(bucket, action));
  expect(new Set(refusals)).toEqual(new Set([`not authorized to perform: ${action} on arn:aws:s3:::${bucket}`]));
  expect(error).toMatch(/(terraform|tofu) apply ended with 1: .*AccessDenied/);
});

test("a bucket of another name is refused", async () => {
  const { refusals, error } = await deploy("somebody-elses", policies);
  expect(refusals[0]).toMatch(/^not authorized to perform: s3:\w+ on arn:aws:s3:::somebody-elses$/);
  expect(error).toMatch(/(terraform|tofu) apply ended with 1: .*AccessDenied/);
});
