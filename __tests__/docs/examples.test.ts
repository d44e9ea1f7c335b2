import * as fs from "node:fs";
import * as path from "node:path";
import ts from "typescript";
import * as api from "../../src";

const root = path.join(__dirname, "..", "..");

/** A block of TypeScript in a page. */
interface Example {
  /** The page and the line of the block's first line. */
  readonly place: string;
  readonly code: string;
}

function pages(): string[] {
  const below = (folder: string): string[] =>
    fs
      .readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
      .map((file) => path.join(folder, file));
  return ["README.md", ...below("docs")].filter((file) => file.endsWith(".md") && fs.existsSync(path.join(root, file)));
}

function examplesIn(page: string): Example[] {
  const text = fs.readFileSync(path.join(root, page), "utf8");
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => ({
    place: `${page}:${text.slice(0, match.index).split("\n").length + 1}`,
    code: match[1] ?? "",
  }));
}

/** Declarations that an example takes for given, as docs/modules/README.md says. */
const GIVEN = `
declare const network: DataLakeNetwork;
declare const key: DataLakeKey;
declare const bucket: DataLakeBucket;
declare const database: MetadataDatabase;
declare const backupJob: BackupGlueJob;
declare const role: Role;
declare const appSecret: IDatabaseSecret, backupSecret: IDatabaseSecret, purgeSecret: IDatabaseSecret, restoreSecret: IDatabaseSecret, eraseSecret: IDatabaseSecret;
declare const host: string, port: number;
`;
const GIVEN_IMPORTS: [string[], string][] = [
  [["App", "TerraformOutput", "TerraformStack"], "cdktf"],
  [[...Object.keys(api), "IDatabaseSecret"], "cdktf-xray-data-lake"],
  [["MysqlProvider"], "cdktf-xray-data-lake/providers/mysql/provider"],
];

/** The example as a module: a whole file as it is, other statements as those of a stack's constructor. */
function moduleOf(code: string): string {
  const imports = code.match(/^import [\s\S]*?;$/gm) ?? [];
  const statements = imports.reduce((rest, text) => rest.replace(text, ""), code);
  if (/^export /m.test(statements)) return code;
  const own = new Set(imports.join(" ").match(/\w+/g));
  const given = GIVEN_IMPORTS.map(
    ([names, from]) => `import { ${names.filter((name) => !own.has(name)).join(", ")} } from "${from}";`,
  );
  return [...imports, ...given, GIVEN, `export function example(this: TerraformStack): void {\n${statements}\n}`].join(
    "\n",
  );
}

const examples = pages().flatMap(examplesIn);

it("finds the examples", () => expect(examples.length).toBeGreaterThan(20));

it("every example in the documentation type-checks against the package", () => {
  const folder = path.join(root, ".local", "docs-check");
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  const files = examples.map(({ code }, index) => {
    const file = path.join(folder, `example-${index}.ts`);
    fs.writeFileSync(file, moduleOf(code));
    return file;
  });
  const program = ts.createProgram(files, {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.CommonJS,
    moduleResolution: ts.ModuleResolutionKind.Node10,
    esModuleInterop: true,
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: ["node"],
    typeRoots: [path.join(root, "node_modules", "@types")],
    baseUrl: root,
    paths: {
      "cdktf-xray-data-lake": ["src/index.ts"],
      "cdktf-xray-data-lake/providers/mysql": ["src/providers/mysql/index.ts"],
      "cdktf-xray-data-lake/providers/mysql/*": ["src/providers/mysql/*/index.ts"],
      "cdktf-xray-data-lake/stacks": ["src/stacks/index.ts"],
    },
  });
  const problems = ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
    const example = examples[files.indexOf(file?.fileName ?? "")];
    return `${example?.place ?? file?.fileName ?? "?"}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
  });
  expect(problems).toEqual([]);
}, 120_000);
