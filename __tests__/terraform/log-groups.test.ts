import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { GlueSecurityConfiguration } from "@cdktf/provider-aws/lib/glue-security-configuration";
import type { App } from "cdktf";
import { TerraformStack } from "cdktf";
import type { Emulator } from "../../local/servers/aws/emulator";
import { startEmulator } from "../../local/servers/aws/emulator";
import { addLogGroup } from "../../src/modules/common/log-group";
import { Role } from "../../src/modules/common/role";
import { StackFolder } from "./support/stack-folder";

jest.setTimeout(5 * 60_000);

interface Change {
  readonly jobName?: string;
  readonly encrypted?: boolean;
}

let emulator: Emulator;
let folder: StackFolder;

/** The resources of a job whose names the log groups' names have in them. */
function build(app: App, { jobName = "backup", encrypted = false }: Change): void {
  const scope = new TerraformStack(app, "clinic");
  new AwsProvider(scope, "aws", { region: "eu-central-1" });
  const role = new Role(scope, "Role", { assumedBy: { type: "Service", identifiers: ["glue.amazonaws.com"] } });
  role.addToPolicy({ actions: ["s3:GetObject"], resources: ["*"] });
  const { name } = new GlueSecurityConfiguration(scope, "Security", {
    name: "security",
    encryptionConfiguration: {
      cloudwatchEncryption: encrypted
        ? { cloudwatchEncryptionMode: "SSE-KMS", kmsKeyArn: "arn:aws:kms:eu-central-1:123456789012:key/1" }
        : { cloudwatchEncryptionMode: "DISABLED" },
      jobBookmarksEncryption: { jobBookmarksEncryptionMode: "DISABLED" },
      s3Encryption: { s3EncryptionMode: "DISABLED" },
    },
  });
  const prefix = `/aws-glue/jobs/${jobName}`;
  addLogGroup(scope, "error-log", {
    name: encrypted ? `${prefix}/${name}-role/${role.roleName}/error` : `${prefix}/error`,
    ownerName: jobName,
    retentionInDays: 400,
  });
}

const synthesize = (change: Change) => folder.synthesize((app) => build(app, change));
async function counts() {
  const { add, destroy, replace } = await folder.plan();
  return { add, destroy, replace };
}

beforeAll(async () => {
  emulator = await startEmulator();
  folder = new StackFolder("log-groups", emulator.url);
  await synthesize({});
  expect(await counts()).toEqual({ add: 4, destroy: 0, replace: 0 });
  await folder.apply();
});

afterAll(() => emulator.stop());

test("a log group stays when its job gets a key, and one is made under the name that Glue then writes to", async () => {
  await synthesize({ encrypted: true });
  // The security configuration is replaced: AWS cannot change one.
  expect(await counts()).toEqual({ add: 1, destroy: 1, replace: 1 });
  await folder.apply();
  expect(await counts()).toEqual({ add: 0, destroy: 0, replace: 0 });
});
