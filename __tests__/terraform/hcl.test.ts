import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { App, TerraformStack, TerraformVariable } from "cdktf";
import { StackPlans } from "../../local/environment/stack-plans";
import { terraformEnvironment } from "../../local/environment/terraform-cli-config";
import { attributesOf, differences, EVERY_OPTION, readStacks } from "../../local/packages/stack-attributes";
import { localPath, repositoryRoot } from "../../local/tools/paths";
import { runCommand } from "../../local/tools/run-command";
import { terraformBinary } from "../../local/tools/terraform-binary";
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
import { mysqlProviderVersion } from "../mysql/support/terraform";
import { readHcl } from "./support/read-hcl";

jest.setTimeout(5 * 60_000);

// The way out of cdktf: what `cdktf synth --hcl` writes is Terraform by itself.
const AWS_STACKS = [
  "local-data-lake",
  "dev-data-lake",
  "dev-state-backend",
  "prod-data-lake",
  "prod-state-backend",
  "other-constructs",
];
// These need the MySQL provider; where it cannot be had, Terraform still reads every block, condition and reference.
const SCHEMA_STACKS = ["local-metadata-schema", "dev-metadata-schema", "prod-metadata-schema"];
const folders = { json: localPath("hcl", "json"), hcl: localPath("hcl", "hcl") };
const stackFolder = (form: keyof typeof folders, stack: string) => path.join(folders[form], "stacks", stack);

/** Resources that no environment has. */
function synthesizeOtherConstructs(outdir: string): void {
  const app = new App({ outdir });
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
    allocatedStorageGib: new TerraformVariable(stack, "storage", { type: "number", default: 20 }).numberValue,
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

/** The environments with every option on. */
async function synthesizeEnvironments(outdir: string): Promise<void> {
  await runCommand(process.execPath, [path.join(repositoryRoot, "dist", "main.js")], {
    cwd: repositoryRoot,
    env: { ...process.env, ...EVERY_OPTION, AWS_ENDPOINT_URL: plans.url, CDKTF_OUTDIR: outdir },
  });
}

let plans: StackPlans;
beforeAll(async () => {
  plans = await StackPlans.start();
  for (const [form, outdir] of Object.entries(folders)) {
    rmSync(outdir, { recursive: true, force: true });
    mkdirSync(outdir, { recursive: true });
    if (form === "hcl") process.env["SYNTH_HCL_OUTPUT"] = "true";
    synthesizeOtherConstructs(outdir);
    await synthesizeEnvironments(outdir);
  }
});

afterAll(async () => {
  delete process.env["SYNTH_HCL_OUTPUT"];
  await plans.stop();
});

test("every stack is here", () => {
  expect(Object.keys(readStacks(folders.json))).toEqual([...AWS_STACKS, ...SCHEMA_STACKS].sort());
});

test.each([...AWS_STACKS, ...SCHEMA_STACKS])(
  "%s in HCL has each attribute of the JSON, and no other",
  async (stack) => {
    const json = attributesOf(readStacks(folders.json)[stack] ?? {});
    const hcl = attributesOf(await readHcl(stackFolder("hcl", stack)));
    expect(differences(json, hcl)).toEqual([]);
    expect(json.size).toBeGreaterThan(40);
  },
);

/** Cells of a table's rows. */
const cells = (table: string) =>
  table
    .trim()
    .split("\n")
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .filter(([, first = ""]) => !/^:?-+:?$/.test(first));

test("docs/leaving-cdktf.md has the figures", async () => {
  const rows: string[] = [];
  const sum = [0, 0, 0];
  const stacks = Object.entries(readStacks(folders.json)).filter(([stack]) => stack !== "other-constructs");
  for (const [stack, json] of stacks) {
    const attributes = attributesOf(json);
    const hcl = attributesOf(await readHcl(stackFolder("hcl", stack)));
    const resources = Object.values(json["resource"] as Record<string, object>).flatMap(Object.keys).length;
    const figures = [resources, attributes.size, differences(attributes, hcl).length];
    figures.forEach((figure, index) => (sum[index] = (sum[index] ?? 0) + figure));
    rows.push(`| ${stack} | ${figures.join(" | ")} | 0 |`); // make packages throws where cdktn's differ
  }
  const head = "| stack | resources | attributes | other in HCL | other by cdktn |\n| --- | --: | --: | --: | --: |";
  const table = [head, ...rows, `| all | ${sum.join(" | ")} | 0 |`].join("\n");
  const page = path.join(repositoryRoot, "docs", "leaving-cdktf.md");
  const measured = /(?<=<!-- measured .*-->\n)[\s\S]*(?=<!-- end -->)/;
  if (process.env["UPDATE"] === "true") {
    writeFileSync(
      page,
      readFileSync(page, "utf8").replace(measured, () => `\n${table}\n\n`),
    );
    await runCommand("npx", ["prettier", "--write", page]);
  }
  expect(cells(measured.exec(readFileSync(page, "utf8"))?.[0] ?? "")).toEqual(cells(table));
});

async function expectValid(cwd: string): Promise<void> {
  const options = { cwd, env: terraformEnvironment() };
  await runCommand(terraformBinary(), ["init", "-backend=false", "-no-color"], options);
  const { stdout } = await runCommand(terraformBinary(), ["validate", "-json"], { ...options, okCodes: [0, 1] });
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { summary: string }[] };
  // cdktf writes depends_on as Terraform 0.11 took it, which Terraform notes and still takes.
  expect([...new Set(diagnostics.map(({ summary }) => summary))]).toEqual(["Quoted references are deprecated"]);
}

test.each(AWS_STACKS)("%s in HCL is valid Terraform", (stack) => expectValid(stackFolder("hcl", stack)));

test.each(SCHEMA_STACKS)("%s in HCL is read by Terraform, and valid where its provider can be had", async (stack) => {
  const cwd = stackFolder("hcl", stack);
  await runCommand(terraformBinary(), ["get", "-no-color"], { cwd, env: terraformEnvironment() });
  if (mysqlProviderVersion() !== undefined) await expectValid(cwd);
});

// `make hcl` plans them all.
test.each(process.env["HCL"] === "whole" ? AWS_STACKS : ["prod-data-lake"])(
  "%s in HCL plans what the JSON plans",
  async (stack) => {
    const [json, hcl] = [await plans.plan(stackFolder("json", stack)), await plans.plan(stackFolder("hcl", stack))];
    expect(hcl).toEqual(json);
    expect(json.resources.length).toBeGreaterThan(5);
    console.log(`${stack}: ${json.resources.length} resources planned, of the HCL as of the JSON`);
  },
);
