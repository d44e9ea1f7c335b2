import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import {
  CreateAccessKeyCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  IAMClient,
  ListRolePoliciesCommand,
} from "@aws-sdk/client-iam";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { runSimulation } from "@cloud-copilot/iam-simulate";
import { TerraformOutput, TerraformStack } from "cdktf";
import { LOCAL_REGION } from "../../local/environment/aws-clients";
import type { Emulator } from "../../local/servers/aws/emulator";
import { emulatorPython, startEmulator } from "../../local/servers/aws/emulator";
import { localPath, repositoryRoot } from "../../local/tools/paths";
import { runCommand } from "../../local/tools/run-command";
import { DataLakeBucket } from "../../src/modules/storage/data-lake-bucket";
import { DataLakeKey } from "../../src/modules/common/data-lake-key";
import { DatabaseSecret } from "../../src/modules/database/database-secret";
import { ImageUploaderUser } from "../../src/modules/access/image-uploader-user";
import { WebIdentityRole } from "../../src/modules/access/web-identity-role";
import { StackFolder } from "./support/stack-folder";

jest.setTimeout(8 * 60_000);

const ACCOUNT = "104752890112345678901";
const ROLE = "web-app-web-app-eu-central-1";

class WebAppStack extends TerraformStack {
  constructor(scope: ConstructorParameters<typeof TerraformStack>[0]) {
    super(scope, "web-app");
    new AwsProvider(this, "aws", { region: LOCAL_REGION });
    const encryptionKey = new DataLakeKey(this, "Key", { preventDestroy: false });
    const bucket = new DataLakeBucket(this, "Bucket", { encryptionKey, preventDestroy: false });
    const server = { host: "db.example.org", serverId: "db.example.org", port: 3306, databaseName: "x_ray" };
    const login = { ...server, passwordVersion: 1, recoveryWindowInDays: 0, encryptionKey };
    const secretOf = (username: string) =>
      new DatabaseSecret(this, username, { ...login, username, secretNamePrefix: `${username}-` });
    const app = { bucket, secret: secretOf("xray_app") };
    const role = new WebIdentityRole(this, "WebApp", { ...app, googleServiceAccountId: ACCOUNT });
    const user = new ImageUploaderUser(this, "Uploader", app);
    const values = {
      bucket: bucket.bucketName,
      role: role.roleArn,
      user: user.userName,
      secret: app.secret.secretArn,
      other_secret: secretOf("xray_purge").secretArn,
    };
    for (const [name, value] of Object.entries(values)) new TerraformOutput(this, name, { value, staticId: true });
  }
}

let emulator: Emulator;
let outputs: Record<string, string>;

const policy = (text = ""): Policy => JSON.parse(decodeURIComponent(text)) as Policy;
type Policy = Record<string, unknown>;

function iam(): IAMClient {
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  return new IAMClient({ endpoint: emulator.url, region: LOCAL_REGION, credentials });
}

/** The role's trust and rights, as IAM gives them back. */
async function policiesOfRole(): Promise<{ trust: Policy; rights: Policy }> {
  const { Role } = await iam().send(new GetRoleCommand({ RoleName: ROLE }));
  const { PolicyNames = [] } = await iam().send(new ListRolePoliciesCommand({ RoleName: ROLE }));
  expect(PolicyNames).toHaveLength(1);
  const { PolicyDocument } = await iam().send(new GetRolePolicyCommand({ RoleName: ROLE, PolicyName: PolicyNames[0] }));
  return { trust: policy(Role?.AssumeRolePolicyDocument), rights: policy(PolicyDocument) };
}

beforeAll(async () => {
  emulator = await startEmulator();
  const stack = new StackFolder("web-app", emulator.url);
  await stack.synthesize((app) => new WebAppStack(app));
  await stack.plan();
  await stack.apply();
  outputs = (await stack.outputs()) as Record<string, string>;
});

afterAll(() => emulator.stop());

// The emulator's STS looks at no token and at no trust policy, so that an evaluator of IAM policies judges the one it holds.
describe("whom the role lets in", () => {
  const google = { "accounts.google.com:aud": ACCOUNT, "accounts.google.com:oaud": "sts.amazonaws.com" };
  const token = { ...google, "accounts.google.com:sub": ACCOUNT };

  async function judge(claims: Record<string, string>, principal = "accounts.google.com"): Promise<string | undefined> {
    const { trust } = await policiesOfRole();
    const result = await runSimulation(
      {
        identityPolicies: [],
        serviceControlPolicies: [],
        resourceControlPolicies: [],
        resourcePolicy: trust,
        request: {
          action: "sts:AssumeRoleWithWebIdentity",
          principal,
          resource: { resource: outputs["role"] ?? "", accountId: "123456789012" },
          contextVariables: claims,
        },
      },
      {},
    );
    // A federated principal has no policies of its own: the role's alone decides.
    return result.resultType === "single" ? result.result.analysis.resourceAnalysis?.result : result.resultType;
  }

  test("the service account, with the audience", async () => expect(await judge(token)).toBe("Allowed"));

  test.each<[string, Record<string, string>]>([
    ["another service account", { ...token, "accounts.google.com:sub": "204752890112345678901" }],
    ["a token that another account asked for", { ...token, "accounts.google.com:aud": "204752890112345678901" }],
    ["a token for another audience", { ...token, "accounts.google.com:oaud": "https://other.example.org" }],
    ["a token without a subject", google],
    ["nobody's token", {}],
  ])("not %s", async (_, claims) => expect(await judge(claims)).toBe("ImplicitlyDenied"));

  test("not a token of another provider", async () =>
    expect(await judge(token, "graph.facebook.com")).toBe("ImplicitlyDenied"));
});

// The emulator knows no conditions, and secrets by no ARN.
describe("what the emulator does not look at", () => {
  async function judge(action: string, resource: string, contextVariables = {}): Promise<string> {
    const { rights } = await policiesOfRole();
    const result = await runSimulation(
      {
        identityPolicies: [{ name: "rights", policy: rights }],
        serviceControlPolicies: [],
        resourceControlPolicies: [],
        request: {
          action,
          principal: outputs["role"] ?? "",
          resource: { resource, accountId: "123456789012" },
          contextVariables,
        },
      },
      {},
    );
    return result.resultType === "single" ? result.overallResult : result.resultType;
  }
  const read = (secret: string) => judge("secretsmanager:GetSecretValue", outputs[secret] ?? "");
  const list = (prefix: string) => judge("s3:ListBucket", `arn:aws:s3:::${outputs["bucket"]}`, { "s3:prefix": prefix });

  test("the role reads the app's secret and no other", async () => {
    expect([await read("secret"), await read("other_secret")]).toEqual(["Allowed", "ImplicitlyDenied"]);
  });

  test("the role lists images and nothing else", async () => {
    expect([await list("xray-images"), await list("xray-images/a")]).toEqual(["Allowed", "Allowed"]);
    expect([await list("backup/"), await list("")]).toEqual(["ImplicitlyDenied", "ImplicitlyDenied"]);
  });
});

describe("the app uploads and lists images, and nothing else", () => {
  const attempts = {
    "list xray-images": "done",
    "upload an image": "done",
    "upload an image of 20 MB in parts": "done",
    "upload a backup": "AccessDenied",
    "upload code of the jobs": "AccessDenied",
    "read an image": "AccessDenied",
    "delete an image": "AccessDenied",
    "read a backup": "AccessDenied",
    "change the bucket's policy": "AccessDenied",
    "make a user": "AccessDenied",
  };
  const folder = localPath("test", "web-app-profile");

  const section = (name: string, settings: Record<string, string | undefined>): string =>
    [`[${name}]`, ...Object.entries(settings).map(([key, value]) => `${key} = ${value}`), ""].join("\n");

  /** The app's identity and its rights, with the section of its ini file that is for S3 and a profile of AWS's. */
  async function tryLogin(
    credentials: Record<string, string | undefined>,
    profile: Record<string, string | undefined> = {},
  ): Promise<unknown> {
    const AWS_CONFIG_FILE = path.join(folder, "config");
    writeFileSync(AWS_CONFIG_FILE, section("profile x-ray-app", { ...profile, region: LOCAL_REGION }));
    const ini = path.join(folder, "app.ini");
    const sections = [
      section("Credential-AWS-RDS-MySQL", {}),
      section("Credential-AWS-S3", credentials),
      section("Info-AWS-S3", { root_bucket: outputs["bucket"], xray_images_bucket: "xray-images" }),
    ];
    writeFileSync(ini, sections.join("\n"));
    const env = { ...process.env, AWS_CONFIG_FILE, AWS_ENDPOINT_URL: emulator.url, AWS_DEFAULT_REGION: LOCAL_REGION };
    const cwd = path.join(repositoryRoot, "web_app_double");
    return JSON.parse((await runCommand(emulatorPython, ["-m", "usage.rights", ini], { cwd, env })).stdout);
  }

  beforeAll(() => mkdirSync(folder, { recursive: true }));

  test("logged in by web identity", async () => {
    const web_identity_token_file = path.join(folder, "google-token");
    writeFileSync(web_identity_token_file, "what-google-gives");
    const profile = { role_arn: outputs["role"], web_identity_token_file };
    expect(await tryLogin({ profile_name: "x-ray-app" }, profile)).toEqual({
      arn: expect.stringMatching(`:assumed-role/${ROLE}/`) as unknown,
      attempts,
    });
  });

  test("with an access key that a person made", async () => {
    const { AccessKey } = await iam().send(new CreateAccessKeyCommand({ UserName: outputs["user"] }));
    const key = { aws_access_key_id: AccessKey?.AccessKeyId, aws_secret_access_key: AccessKey?.SecretAccessKey };
    expect(await tryLogin(key)).toEqual({
      arn: expect.stringMatching(`:user/${outputs["user"]}$`) as unknown,
      attempts,
    });
  });
});
