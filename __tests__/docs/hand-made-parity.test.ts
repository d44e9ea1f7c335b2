import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { Environment } from "../../src/stacks/environment";
import { addEnvironment } from "../stacks/support";
import type { SynthesizedStack } from "../support/synth";
import { synthesizeApp } from "../support/synth";

const example = path.join(__dirname, "..", "..", "examples", "hand-made-parity");

/** The environment of the example, as it is or after its diff. */
async function environment(diff?: string): Promise<Environment> {
  if (diff === undefined) return ((await import(path.join(example, "environment"))) as Module).environment;
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "parity-"));
  try {
    fs.copyFileSync(path.join(example, "environment.ts"), path.join(folder, "environment.ts"));
    execFileSync("git", ["apply", path.join(example, diff)], { cwd: folder, stdio: "pipe" });
    return ((await import(path.join(folder, "environment"))) as Module).environment;
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}
interface Module {
  readonly environment: Environment;
}

async function synthesize(diff?: string): Promise<{ lake: SynthesizedStack; warnings: string[] }> {
  const built = await environment(diff);
  const stacks = synthesizeApp((app) => addEnvironment(app, built));
  const lake = stacks["hand-made-data-lake"] as SynthesizedStack;
  return { lake, warnings: Object.values(stacks).flatMap((stack) => stack.warnings) };
}

/** The stacks that the example's main.ts makes of its environment, as it is or after its diff. */
async function stacksOfMain(diff?: string): Promise<string[]> {
  const built = await environment(diff);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "parity-"));
  process.env.CDKTF_OUTDIR = folder;
  jest.doMock(path.join(example, "environment"), () => ({ environment: built }));
  try {
    await jest.isolateModulesAsync(() => import(path.join(example, "main")));
    return fs.readdirSync(path.join(folder, "stacks")).sort();
  } finally {
    jest.dontMock(path.join(example, "environment"));
    delete process.env.CDKTF_OUTDIR;
    fs.rmSync(folder, { recursive: true });
  }
}

describe("the hand-made set-up", () => {
  it("is two stacks", async () =>
    expect(await stacksOfMain()).toEqual(["hand-made-data-lake", "hand-made-metadata-schema"]));

  it("is a dozen lines of code", () => {
    const text = fs.readFileSync(path.join(example, "environment.ts"), "utf8");
    const object = text.slice(text.indexOf("export const environment")).trim().split("\n");
    expect(object.length).toBeLessThanOrEqual(12);
  });

  it("warns of each of its dangers once", async () => {
    const { warnings } = await synthesize();
    expect(warnings.sort()).toEqual([
      "allowedCidrs 0.0.0.0/0: everybody who reaches the network can try to log in",
      "an access key of this user works from everywhere until somebody deletes it: use WebIdentityRole where the app has " +
        "an identity",
      'publicAccess "read-write": everybody on the internet can list, download, upload and overwrite the X-ray images, ' +
        "the backups and the code that the backup job runs",
      "publiclyAccessible: the database has an address on the internet; only allowedCidrs and TLS stand before it",
    ]);
    const readme = fs.readFileSync(path.join(example, "README.md"), "utf8").replace(/\s+/g, " ");
    for (const warning of warnings) expect(readme).toContain(warning);
  });

  it("has the console's bucket policy, folders, address and port", async () => {
    const { lake } = await synthesize();
    expect(lake.statements("Bucket_PolicyDocument")).toContainEqual({
      sid: "PublicAccess",
      actions: ["s3:GetObject", "s3:GetBucketLocation", "s3:ListBucket", "s3:PutObject"],
      principals: [{ type: "*", identifiers: ["*"] }],
      resources: ["${aws_s3_bucket.Bucket.arn}", '${join("/", [aws_s3_bucket.Bucket.arn, "*"])}'],
    });
    expect(lake.resource("aws_s3_bucket_public_access_block", "Bucket_PublicAccessBlock")).toMatchObject({
      block_public_policy: false,
      restrict_public_buckets: false,
    });
    const folders = ["ImagesFolder", "BackupFolder"].map((id) => lake.resource("aws_s3_object", `Bucket_${id}`).key);
    expect(folders).toEqual(["xray-images/", "backup/"]);
    expect(lake.resource("aws_db_instance").publicly_accessible).toBe(true);
    expect(lake.resource("aws_vpc_security_group_ingress_rule", "Database_Ingress-0-0-0-0-0")).toMatchObject({
      cidr_ipv4: "0.0.0.0/0",
      from_port: 3306,
      to_port: 3306,
    });
    expect(lake.ids("aws_glue_trigger")).toEqual(["Backup_OnDemandTrigger"]); // Airflow starts the job
  });
});

describe("the same, made safe by safe.diff", () => {
  it("makes the bucket that its state goes to", async () =>
    expect(await stacksOfMain("safe.diff")).toEqual([
      "hand-made-data-lake",
      "hand-made-metadata-schema",
      "hand-made-state-backend",
    ]));

  it("warns of nothing but that the schema needs a way in", async () =>
    expect((await synthesize("safe.diff")).warnings).toEqual([
      expect.stringMatching(/^the database is private and mysqlProxy is not set/),
    ]));

  it("lets nobody in from the internet, and cannot be destroyed", async () => {
    const { lake } = await synthesize("safe.diff");
    // A network ACL keeps no state, so replies come from anywhere; security groups and routes name nobody there.
    const { resource } = JSON.parse(lake.text) as { resource: Record<string, unknown> };
    const anywhere = Object.keys(resource).filter((type) => JSON.stringify(resource[type]).includes("0.0.0.0/0"));
    expect(anywhere).toEqual(["aws_network_acl"]);
    expect(lake.statements("Bucket_PolicyDocument").map(({ effect }) => effect)).toEqual(["Deny", "Deny", "Deny"]);
    expect(lake.resource("aws_db_instance")).toMatchObject({ publicly_accessible: false, deletion_protection: true });
    expect(lake.ids("aws_iam_user")).toEqual([]);
    expect(lake.ids("aws_iam_role")).toContain("WebApp");
  });
});
