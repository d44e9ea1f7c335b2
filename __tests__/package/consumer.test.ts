import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { TerraformElement } from "cdktf";
import ts from "typescript";
import * as api from "../../src";

const root = path.join(__dirname, "..", "..");
const example = path.join(root, "examples", "own-stack", "main.ts");
const consumer = path.join(root, ".local", "packed-package");

interface Stack {
  readonly resource: Record<string, Record<string, Record<string, unknown>>>;
}
const stack = (name: string): Stack =>
  JSON.parse(fs.readFileSync(path.join(consumer, "cdktf.out", "stacks", name, "cdk.tf.json"), "utf8")) as Stack;

describe("a project of its own that installs the packed package", () => {
  beforeAll(() => {
    execFileSync(process.execPath, ["scripts/try-packed-package.js"], { cwd: root, stdio: "pipe" });
  }, 120_000);

  it("synthesizes the data lake, with the package's files for Glue", () => {
    const objects = Object.values(stack("own-lake").resource.aws_s3_object ?? {});
    const sources = objects.flatMap(({ source }) => (typeof source === "string" ? [source] : []));
    expect([...new Set(sources.map((source) => path.basename(source)))].sort()).toEqual([
      "job_backup.py",
      "job_erase.py",
      "job_purge.py",
      "job_restore.py",
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
    const secrets = Object.values(stack("own-lake").resource.aws_secretsmanager_secret ?? {});
    const users = Object.keys(stack("own-schema").resource.mysql_user ?? {}).map((id) => /xray_[a-z]+/.exec(id)?.[0]);
    const logins = secrets.map(({ name_prefix: prefix }) => /xray_[a-z]+/.exec(String(prefix))?.[0]);
    expect(users.sort()).toEqual(logins.sort());
    expect(users).toContain("xray_backup");
  });

  it.each([
    ["node, as cdktf init writes it", cdktfInitOptions()],
    ["bundler", { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler, strict: true }],
  ])("type-checks every documented import under moduleResolution %s", (_, options) => {
    const imports = documentedImports();
    expect(imports.map((statement) => /"(.*)"/.exec(statement)?.[1])).toEqual(
      expect.arrayContaining([
        "cdktf-xray-data-lake",
        "cdktf-xray-data-lake/providers/mysql/provider",
        "cdktf-xray-data-lake/stacks",
      ]),
    );
    const whole = 'import * as bindings from "cdktf-xray-data-lake/providers/mysql";\nexport const all = bindings;';
    expect(problemsOf([...imports, whole], options)).toEqual([]);
    expect(problemsOf(['import { nothing } from "cdktf-xray-data-lake";'], options)).toHaveLength(1);
  });

  it.each(["modules/storage/data-lake-bucket", "stacks/environment", "stacks/environments", "schema/migration"])(
    "cannot import %s, which is not part of the package's public surface",
    (inner) => {
      const script = `require("cdktf-xray-data-lake/${inner}")`;
      const { status, stderr } = spawnSync(process.execPath, ["-e", script], { cwd: consumer, encoding: "utf8" });
      expect([status, stderr]).toEqual([1, expect.stringContaining("ERR_PACKAGE_PATH_NOT_EXPORTED")]);
    },
  );

  it("gets compiled code, types, assets, migrations and the runbook, and nothing else", () => {
    const installed = path.join(consumer, "node_modules", "cdktf-xray-data-lake");
    expect(fs.readdirSync(installed).sort()).toEqual(
      ["LICENSE", "README.md", "dist", "docs", "package.json", "sql"].filter(
        (name) => name !== "README.md" || fs.existsSync(path.join(root, "README.md")),
      ),
    );
    // Messages of the alarms name its pages by this path.
    expect(fs.readdirSync(path.join(installed, "docs"))).toEqual(["runbook"]);
    expect(fs.readdirSync(path.join(installed, "docs", "runbook"))).toContain("backup-failed.md");
    const files = fs.readdirSync(path.join(installed, "dist"), { recursive: true, encoding: "utf8" });
    expect(
      files.filter((file) => /\.tsbuildinfo$|^main\.|^stacks\/environments\.|(^|\/)__pycache__/.test(file)),
    ).toEqual([]);
  });
});

test("the example uses every construct that the package exports", () => {
  const text = fs.readFileSync(example, "utf8");
  const constructs = Object.entries(api).flatMap(([name, value]) =>
    typeof value === "function" && isConstruct(value.prototype as object) ? [name] : [],
  );
  expect(constructs.length).toBeGreaterThan(10);
  const inOthers = [
    "ImageUploaderUser", // where WebIdentityRole cannot be had
    "PrivateBucket", // the buckets extend it
  ];
  expect(
    constructs.filter((name) => !inOthers.includes(name) && !text.includes(`${name}(`) && !text.includes(`${name}.`)),
  ).toEqual([]);
});

/** Compiler options of a project that `cdktf init --template typescript` made. */
function cdktfInitOptions(): ts.CompilerOptions {
  const template = path.join(root, "node_modules", "@cdktf", "cli-core", "templates", "typescript", "tsconfig.json");
  const { config } = ts.readConfigFile(template, (file) => ts.sys.readFile(file)) as { config: object };
  return ts.parseJsonConfigFileContent(config, ts.sys, consumer).options;
}

/** The imports of this package in README, docs and examples. */
function documentedImports(): string[] {
  const files = ["README.md", "docs", "examples"].flatMap((name) =>
    fs.statSync(path.join(root, name)).isFile()
      ? [name]
      : fs.readdirSync(path.join(root, name), { recursive: true, encoding: "utf8" }).map((file) => `${name}/${file}`),
  );
  const texts = files
    .filter((file) => /\.(md|ts)$/.test(file))
    .map((file) => fs.readFileSync(path.join(root, file), "utf8"));
  return texts.flatMap((text) => text.match(/^import [^;]*? from "cdktf-xray-data-lake[^"]*";/gm) ?? []);
}

/** The compiler's messages for modules of the consumer's project that hold one statement each. */
function problemsOf(statements: string[], options: ts.CompilerOptions): string[] {
  const folder = path.join(consumer, "imports");
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder);
  const files = statements.map((statement, index) => {
    const file = path.join(folder, `${index}.ts`);
    fs.writeFileSync(file, `${statement}\n`);
    return file;
  });
  const own = { noEmit: true, skipLibCheck: true, types: ["node"], noUnusedLocals: false, incremental: false };
  const program = ts.createProgram(files, { ...options, ...own });
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, " "));
}

function isConstruct(prototype: object): boolean {
  const names: string[] = [];
  for (let at: object | null = prototype; at; at = Object.getPrototypeOf(at) as object | null) {
    names.push((at.constructor as { name: string }).name);
  }
  return names.includes("Construct") || names.includes(TerraformElement.name);
}
