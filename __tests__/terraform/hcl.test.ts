import { readFileSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { App, TerraformStack, TerraformVariable } from "cdktf";
import { localPath, repositoryRoot } from "../../local/tools/paths";
import { runCommand } from "../../local/tools/run-command";
import { terraformEnvironment } from "../../local/environment/terraform-cli-config";
import { mysqlProviderVersion } from "../mysql/support/terraform";
import {
  BackupCatalog,
  DataLakeBucket,
  DataLakeNetwork,
  MetadataDatabase,
  ObjectLockMode,
  PublicAccess,
  PurgeGlueJob,
  RestoreGlueJob,
  Role,
} from "../../src";
import { terraformBinary } from "../../local/tools/terraform-binary";

jest.setTimeout(5 * 60_000);

// The way out of cdktf: what `cdktf synth --hcl` writes is Terraform by itself.
const STACKS = ["local-data-lake", "dev-data-lake", "prod-data-lake", "other-constructs"];
// These need the MySQL provider; where it cannot be had, Terraform still reads every block, condition and reference.
const SCHEMA_STACKS = ["local-metadata-schema", "dev-metadata-schema", "prod-metadata-schema"];
const folder = localPath("hcl");

/** Resources that no environment has. */
function synthesizeOtherConstructs(): void {
  const app = new App({ outdir: folder });
  const stack = new TerraformStack(app, "other-constructs");
  new AwsProvider(stack, "aws", { region: "eu-central-1" });
  const network = new DataLakeNetwork(stack, "Network", { publicSubnets: true });
  const bucket = new DataLakeBucket(stack, "Bucket", {
    eventBridgeEnabled: true,
    objectLockDefaultRetention: { mode: ObjectLockMode.GOVERNANCE, days: 1 },
    publicAccess: PublicAccess.READ_WRITE,
  });
  const database = new MetadataDatabase(stack, "Database", {
    network,
    allowedCidrs: ["0.0.0.0/0"],
    allocatedStorageGib: new TerraformVariable(stack, "storage", { type: "number" }).numberValue,
    publiclyAccessible: true,
  });
  new PurgeGlueJob(stack, "Purge", { bucket, database, network, olderThanDays: 90 });
  new RestoreGlueJob(stack, "Restore", { bucket, database, network });
  new BackupCatalog(stack, "Catalog", { bucket });
  const role = new Role(stack, "App", { assumedBy: { type: "AWS", identifiers: ["123456789012"] } });
  DataLakeBucket.fromBucketName(stack, "Imported", "theirs").grantRead(role, "images");
  database.addUser("xray_app");
  database.grantReadSecret(role, "xray_app");
  app.synth();
}

beforeAll(async () => {
  process.env.SYNTH_HCL_OUTPUT = "true";
  rmSync(folder, { recursive: true, force: true });
  synthesizeOtherConstructs();
  await runCommand(process.execPath, [path.join(repositoryRoot, "dist", "main.js")], {
    cwd: repositoryRoot,
    env: { ...process.env, CDKTF_OUTDIR: folder },
  });
});

afterAll(() => delete process.env.SYNTH_HCL_OUTPUT);

async function expectValid(cwd: string): Promise<void> {
  const options = { cwd, env: terraformEnvironment() };
  await runCommand(terraformBinary(), ["init", "-backend=false", "-no-color"], options);
  const { stdout } = await runCommand(terraformBinary(), ["validate", "-json"], { ...options, okCodes: [0, 1] });
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { summary: string }[] };
  // cdktf writes depends_on as Terraform 0.11 took it, which Terraform notes and still takes.
  expect([...new Set(diagnostics.map(({ summary }) => summary))]).toEqual(["Quoted references are deprecated"]);
}

test.each(STACKS)("%s in HCL is valid Terraform", async (stack) => {
  const cwd = path.join(folder, "stacks", stack);
  expect(readdirSync(cwd)).toContain("cdk.tf");
  await expectValid(cwd);
});

test.each(SCHEMA_STACKS)("%s in HCL is read by Terraform, and valid where its provider can be had", async (stack) => {
  const cwd = path.join(folder, "stacks", stack);
  expect(readdirSync(cwd)).toContain("cdk.tf");
  await runCommand(terraformBinary(), ["get", "-no-color"], { cwd, env: terraformEnvironment() });
  if (mysqlProviderVersion() !== undefined) await expectValid(cwd);
});

test("the statements of a schema are the same texts in HCL as in JSON, so that a state fits both", async () => {
  const json = localPath("hcl-json");
  await runCommand(process.execPath, [path.join(repositoryRoot, "dist", "main.js")], {
    cwd: repositoryRoot,
    env: { ...process.env, CDKTF_OUTDIR: json, SYNTH_HCL_OUTPUT: "" },
  });
  type Stack = { resource: Record<string, Record<string, Record<string, unknown>>> };
  const read = (file: string) => JSON.parse(readFileSync(file, "utf8")) as Stack;
  const inJson = read(path.join(json, "stacks", "prod-metadata-schema", "cdk.tf.json")).resource["mysql_sql"] ?? {};
  const cwd = path.join(folder, "stacks", "prod-metadata-schema");
  const besides = readdirSync(cwd).filter((file) => file.endsWith(".tf.json"));
  const inHcl = Object.assign(
    {},
    ...besides.map((file) => read(path.join(cwd, file)).resource?.["mysql_sql"]),
  ) as object;
  // A text of one line stands in cdk.tf as it is; one of several would get a further line there.
  const ofSeveralLines = Object.entries(inJson).filter(([, { create_sql }]) => String(create_sql).includes("\n"));
  expect(ofSeveralLines.length).toBeGreaterThan(5);
  expect(inHcl).toMatchObject(Object.fromEntries(ofSeveralLines));
});
