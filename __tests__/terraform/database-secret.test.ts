import {
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { SecretsmanagerSecret } from "@cdktf/provider-aws/lib/secretsmanager-secret";
import { SecretsmanagerSecretVersion } from "@cdktf/provider-aws/lib/secretsmanager-secret-version";
import { Fn, TerraformOutput, TerraformStack } from "cdktf";
import { Construct } from "constructs";
import { LOCAL_REGION } from "../../local/environment/aws-clients";
import { type Emulator, startEmulator } from "../../local/servers/aws/emulator";
import { EphemeralResource } from "../../src/modules/common/ephemeral-resource";
import { DatabaseSecret, type DatabaseSecretProps } from "../../src/modules/database/database-secret";
import { StackFolder } from "./support/stack-folder";

jest.setTimeout(15 * 60_000);

const login = {
  username: "xray_app",
  secretNamePrefix: "db/xray_app-",
  host: "db-1.example.org",
  serverId: "db-1",
  port: 3306,
  databaseName: "x_ray",
  passwordVersion: 1,
  recoveryWindowInDays: 30,
};

let emulator: Emulator;
let stack: StackFolder;
let last: Awaited<ReturnType<typeof deploy>>;

/** The secret's resources as release 0.1.0 wrote them. */
function secretOfFirstRelease(scope: Construct): string {
  const secret = new SecretsmanagerSecret(scope, "Resource", { name: "db-1/xray_app", recoveryWindowInDays: 30 });
  const password = new EphemeralResource(scope, "Password", {
    type: "aws_secretsmanager_random_password",
    arguments: { password_length: 40, exclude_punctuation: true },
  });
  return new SecretsmanagerSecretVersion(scope, "Version", {
    secretId: secret.arn,
    secretStringWo: Fn.jsonencode({
      host: login.host,
      password: password.attribute("random_password"),
      dbname: login.databaseName,
    }),
    secretStringWoVersion: 1,
  }).secretId;
}

const synthesize = (build: (stack: TerraformStack) => Record<string, unknown>) =>
  stack.synthesize((app) => {
    const scope = new TerraformStack(app, "database-secret");
    new AwsProvider(scope, "aws", { region: LOCAL_REGION });
    for (const [name, value] of Object.entries(build(scope)))
      new TerraformOutput(scope, name, { value, staticId: true });
  });

/** Deploys the secret and reads its name, what is in it, and the number that its user's password gets. */
async function deploy(change: Partial<DatabaseSecretProps> = {}) {
  await synthesize((scope) => {
    const secret = new DatabaseSecret(scope, "Secret", { ...login, ...change });
    return { arn: secret.secretArn, version: secret.passwordVersion };
  });
  const plan = await stack.plan();
  await stack.apply();
  const outputs = JSON.parse(await stack.terraform("output", "-json")) as Record<string, { value: unknown }>;
  return { plan, version: Number(outputs["version"]?.value), ...(await read(String(outputs["arn"]?.value))) };
}

const secretsManager = () =>
  new SecretsManagerClient({
    endpoint: emulator.url,
    region: LOCAL_REGION,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });

async function read(SecretId: string) {
  const client = secretsManager();
  const { Name = "" } = await client.send(new DescribeSecretCommand({ SecretId }));
  const { SecretString = "{}" } = await client.send(new GetSecretValueCommand({ SecretId }));
  client.destroy();
  return { name: Name, content: JSON.parse(SecretString) as Record<string, unknown> };
}

beforeAll(async () => {
  emulator = await startEmulator();
  stack = new StackFolder("database-secret", emulator.url);
});

afterAll(() => emulator.stop());

// In order: the tests follow one secret.
test("a secret of release 0.1.0 keeps its name and its password", async () => {
  await synthesize((scope) => ({ arn: secretOfFirstRelease(new Construct(scope, "Secret")) }));
  await stack.plan();
  await stack.apply();
  const { arn } = JSON.parse(await stack.terraform("output", "-json")) as Record<string, { value: string }>;
  const before = await read(arn?.value ?? "");
  last = await deploy();
  const { plan, name, content } = last;
  expect(plan).toMatchObject({ add: 1, destroy: 0, replace: 0 });
  expect({ name, content }).toEqual(before);
  expect(name).toBe("db-1/xray_app");
});

test("what the secret holds renews it, and the number of its password with it; the next plan is empty", async () => {
  const change = { host: "db-2.example.org", serverId: "db-2", databaseName: "x_ray_2", port: 3307 };
  const next = await deploy(change);
  expect(next.content).toMatchObject({ host: change.host, dbname: change.databaseName, port: change.port });
  expect(next.content["password"]).not.toBe(last.content["password"]);
  expect(next.version).not.toBe(last.version);
  expect(Number.isInteger(next.version)).toBe(true);
  expect(next.name).toBe("db-1/xray_app");
  expect(await stack.plan()).toMatchObject({ changed: [], add: 0, destroy: 0, replace: 0 });
});

test("a user that was removed can be added again while its deleted secret waits", async () => {
  const names: string[] = [];
  for (const time of ["first", "second"]) {
    await stack.terraform("apply", "-destroy", "-auto-approve", "-no-color");
    const { name } = await deploy();
    expect([time, name]).toEqual([time, expect.stringMatching(/^db\/xray_app-\d+$/)]);
    names.push(name);
  }
  expect(new Set(names).size).toBe(2);
});

test("a deploy takes the secret as it is when it applies, where RDS rotated the master user's after the plan", async () => {
  const client = secretsManager();
  const { ARN: SecretId = "" } = await client.send(
    new CreateSecretCommand({ Name: "rds!db-1", SecretString: JSON.stringify({ password: "as planned" }) }),
  );
  const folder = new StackFolder("master-secret", emulator.url);
  await folder.synthesize((app) => {
    const scope = new TerraformStack(app, "master-secret");
    new AwsProvider(scope, "aws", { region: LOCAL_REGION });
    const master = new EphemeralResource(scope, "MasterUserSecret", {
      type: "aws_secretsmanager_secret_version",
      arguments: { secret_id: SecretId },
    });
    // Keeps what the log-in would have been, as the schema's MySQL provider is given it.
    const login = new SecretsmanagerSecret(scope, "Login", { name: "login" });
    new SecretsmanagerSecretVersion(scope, "Version", {
      secretId: login.arn,
      secretStringWo: master.attribute("secret_string"),
      secretStringWoVersion: 1,
    });
  });
  await folder.plan();
  await client.send(new PutSecretValueCommand({ SecretId, SecretString: JSON.stringify({ password: "rotated" }) }));
  await folder.apply();
  client.destroy();
  expect((await read("login")).content).toEqual({ password: "rotated" });
});
