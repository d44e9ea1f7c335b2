import { CreateRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import { type Emulator, startEmulator } from "../../local/servers/aws/emulator";
import { ExampleStack, synthesizeExample } from "./example-stack";

jest.setTimeout(15 * 60_000);

/** Examples by the stacks that are deployed, in order. The stacks of the schemas need a database that is real. */
const EXAMPLES: Record<string, string[]> = {
  "backups-in-another-account": ["vault", "lake"],
  "own-data-model": ["slide-registry"],
  "own-resources": ["slides"],
  "own-stack": ["own-lake"],
  "several-lakes": ["clinics"],
  "several-regions": ["two-regions"],
};
/** Roles that an example takes for given. */
const GIVEN_ROLES: Record<string, string[]> = { "own-stack": ["airflow", "developer"] };

/** The emulator gives a bastion a public address, which no deploy would; what names the instance follows. */
const CHANGES: Record<string, string[]> = {
  "own-lake": ["aws_iam_role_policy.Developer_InlinePolicy", "aws_instance.Bastion"],
};

let emulator: Emulator;
let iam: IAMClient;

/** What else an example shows. */
const holds: Record<string, (stacks: Record<string, ExampleStack>) => Promise<void>> = {
  /** Each bucket is in its own account, and the vault lets the lake's role in. */
  "backups-in-another-account": async ({ vault, lake }) => {
    const [copies] = Object.values((await vault?.resources("aws_s3_bucket")) ?? {});
    const replication = (await lake?.resources("aws_s3_bucket_replication_configuration")) ?? {};
    const [{ role, rule } = {}] = Object.values(replication) as { role: string; rule: unknown }[];
    expect(rule).toMatchObject([{ destination: [{ bucket: copies?.["arn"] }] }]);
    expect(role).toMatch(/^arn:aws:iam::111111111111:role\//);
    const [policy] = Object.values((await vault?.resources("aws_s3_bucket_policy")) ?? {});
    expect(policy?.["policy"]).toContain(role);
    const [key] = Object.values((await vault?.resources("aws_kms_key")) ?? {});
    expect(key?.["arn"]).toMatch(/^arn:aws:kms:eu-central-1:222222222222:key\//);
    const [keyPolicy] = Object.values((await vault?.resources("aws_kms_key_policy")) ?? {});
    expect(keyPolicy?.["policy"]).toContain(role);
  },
  /** Each region has its own database, and its backups go to the other one. */
  "several-regions": async ({ "two-regions": stack }) => {
    const databases = Object.values((await stack?.resources("aws_db_instance")) ?? {});
    const regions = databases.map(({ arn }) => String(arn).split(":")[3]).sort();
    expect(regions).toEqual(["eu-central-1", "eu-west-1"]);
    const replication = (await stack?.resources("aws_s3_bucket_replication_configuration")) ?? {};
    const keys = Object.entries(replication).map(([address, { rule }]) => [
      address.split(".")[1]?.split("_")[0],
      /arn:aws:kms:([\w-]+):/.exec(JSON.stringify(rule))?.[1],
    ]);
    expect(keys.sort()).toEqual([
      ["dublin", "eu-central-1"],
      ["frankfurt", "eu-west-1"],
    ]);
  },
};

/** Deploys an example into an account with nothing in it, and holds its second plan. */
async function deploy(name: string): Promise<Record<string, ExampleStack>> {
  for (const RoleName of GIVEN_ROLES[name] ?? []) {
    await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: "{}" }));
  }
  const folders = await synthesizeExample(name);
  const deployed: Record<string, ExampleStack> = {};
  for (const stack of EXAMPLES[name] ?? []) {
    const example = new ExampleStack(folders[stack] ?? "", emulator.url);
    await example.deploy();
    const changes = (await example.plannedChanges()).map((address) => address.replace(/_[0-9A-F]{8}$/, ""));
    expect(changes).toEqual(CHANGES[stack] ?? []);
    deployed[stack] = example;
  }
  return deployed;
}

beforeEach(async () => {
  emulator = await startEmulator();
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  iam = new IAMClient({ endpoint: emulator.url, region: "eu-central-1", credentials });
});

afterEach(() => emulator.stop());

test.each(Object.keys(EXAMPLES))("%s is deployed, and its second plan has no change", async (name) => {
  const deployed = await deploy(name);
  expect(Object.keys(deployed)).toEqual(EXAMPLES[name]);
  await holds[name]?.(deployed);
});
