import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { TerraformElement } from "cdktf";
import * as api from "../../src";

const root = path.join(__dirname, "..", "..");
const example = path.join(root, "examples", "own-stack", "main.ts");
const consumer = path.join(root, ".local", "peers", "installed");

interface Stack {
  readonly resource: Record<string, Record<string, Record<string, unknown>>>;
}
const stack = (name: string): Stack =>
  JSON.parse(fs.readFileSync(path.join(consumer, "cdktf.out", "stacks", name, "cdk.tf.json"), "utf8")) as Stack;

describe("a project of its own that installs the packed package", () => {
  beforeAll(() => {
    execFileSync(process.execPath, ["scripts/check-peer-range.js", "installed"], { cwd: root, stdio: "pipe" });
  }, 120_000);

  it("synthesizes the data lake, with the package's files for Glue", () => {
    const objects = Object.values(stack("own-lake").resource.aws_s3_object ?? {});
    const sources = objects.flatMap(({ source }) => (typeof source === "string" ? [source] : []));
    expect([...new Set(sources.map((source) => path.basename(source)))].sort()).toEqual([
      "job_backup.py",
      "job_purge.py",
      "job_restore.py",
      "rds-ca-bundle.pem",
      "xray_backup.zip",
    ]);
    for (const source of sources) {
      expect(fs.statSync(path.join(consumer, "cdktf.out", "stacks", "own-lake", source)).size).toBeGreaterThan(100);
    }
  });

  it("synthesizes the schema from the migrations that the package ships", () => {
    expect(Object.keys(stack("own-schema").resource.mysql_sql ?? {}).length).toBeGreaterThan(3);
  });

  it("makes every database user that a job or the app logs in as", () => {
    const secrets = Object.values(stack("own-lake").resource.aws_secretsmanager_secret ?? {}).map(({ name }) => name);
    const users = Object.keys(stack("own-schema").resource.mysql_user ?? {}).map((id) => /xray_[a-z]+/.exec(id)?.[0]);
    expect(users.sort()).toEqual(secrets.map((name) => String(name).split("/").at(-1)).sort());
    expect(users).toContain("xray_backup");
  });

  it("gets compiled code, types, assets and migrations, and nothing else", () => {
    const installed = path.join(consumer, "node_modules", "cdktf-xray-data-lake");
    expect(fs.readdirSync(installed).sort()).toEqual(
      ["LICENSE", "README.md", "dist", "package.json", "sql"].filter(
        (name) => name !== "README.md" || fs.existsSync(path.join(root, "README.md")),
      ),
    );
    const files = fs.readdirSync(path.join(installed, "dist"), { recursive: true, encoding: "utf8" });
    expect(files.filter((file) => /\.tsbuildinfo$|^main\.|(^|\/)__pycache__/.test(file))).toEqual([]);
  });
});

test("the example uses every construct that the package exports", () => {
  const text = fs.readFileSync(example, "utf8");
  const constructs = Object.entries(api).flatMap(([name, value]) =>
    typeof value === "function" && isConstruct(value.prototype as object) ? [name] : [],
  );
  expect(constructs.length).toBeGreaterThan(10);
  const inOthers = [
    "BucketBase", // abstract
    "DatabaseSecret", // by MetadataDatabase.secretForUser
    "GlueDatabaseConnection", // by the Glue jobs
    "GlueDatabaseJob", // abstract
    "ImageUploaderUser", // where WebIdentityRole cannot be had
    "PolicyDocument", // by Role and the buckets
    "PrivateBucket", // the buckets extend it
    "VpcEndpoints", // by DataLakeNetwork
  ];
  expect(
    constructs.filter((name) => !inOthers.includes(name) && !text.includes(`${name}(`) && !text.includes(`${name}.`)),
  ).toEqual([]);
});

function isConstruct(prototype: object): boolean {
  const names: string[] = [];
  for (let at: object | null = prototype; at; at = Object.getPrototypeOf(at) as object | null) {
    names.push((at.constructor as { name: string }).name);
  }
  return names.includes("Construct") || names.includes(TerraformElement.name);
}
