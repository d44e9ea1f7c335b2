import { execFileSync } from "node:child_process";
import * as path from "node:path";

const root = path.join(__dirname, "..", "..");

interface Case {
  readonly filePath: string;
  readonly text: string;
}

/** Lints texts as if they stood in files; a process of its own, since ESLint imports its configuration at run time. */
const LINT = `
  const { ESLint } = require("eslint");
  const eslint = new ESLint();
  (async () => {
    const cases = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
    const results = [];
    for (const { filePath, text } of cases) results.push((await eslint.lintText(text, { filePath }))[0].messages);
    console.log(JSON.stringify(results));
  })();
`;

/** The rules that each text breaks. */
function broken(cases: Case[]): (string | null)[][] {
  const output = execFileSync(process.execPath, ["-e", LINT], {
    cwd: root,
    input: JSON.stringify(cases),
    encoding: "utf8",
  });
  return (JSON.parse(output) as { ruleId: string | null }[][]).map((messages) => messages.map(({ ruleId }) => ruleId));
}

const inModules = "src/modules/common/bad.ts";
const inStacks = "src/stacks/bad.ts";

const CASES: [string, string, string, string][] = [
  [
    "the index of the AWS bindings",
    inStacks,
    'import { s3Bucket } from "@cdktf/provider-aws";\nexport const a = s3Bucket;\n',
    "no-restricted-imports",
  ],
  [
    "the other index of the AWS bindings",
    inModules,
    'import { s3Bucket } from "@cdktf/provider-aws/lib";\nexport const a = s3Bucket;\n',
    "no-restricted-imports",
  ],
  ["instanceof", inModules, "export const a = (x: unknown): boolean => x instanceof Error;\n", "no-restricted-syntax"],
  [
    "a provider in a construct",
    inModules,
    'import { AwsProvider } from "@cdktf/provider-aws/lib/provider";\nexport const a = AwsProvider;\n',
    "no-restricted-imports",
  ],
  ...["TerraformOutput", "TerraformVariable", "S3Backend", "LocalBackend"].map(
    (name): [string, string, string, string] => [
      `${name} in a construct`,
      inModules,
      `import { ${name} } from "cdktf";\nexport const a = ${name};\n`,
      "no-restricted-imports",
    ],
  ),
  [
    "a stack in a construct",
    inModules,
    'import { DataLakeStack } from "../../stacks/data-lake-stack";\nexport const a = DataLakeStack;\n',
    "no-restricted-imports",
  ],
  ...[
    ["common", "storage/data-lake-bucket"],
    ["network", "database/database-secret"],
    ["storage", "network/data-lake-network"],
    ["database", "storage/data-lake-bucket"],
    ["access", "backup/backup-glue-job"],
    ["backup", "access/web-identity-role"],
    ["ci", "storage/data-lake-bucket"],
  ].map(([from, to]): [string, string, string, string] => [
    `${to} in corridor ${from}`,
    `src/modules/${from}/bad.ts`,
    `import * as up from "../${to}";\nexport const a = up;\n`,
    "no-restricted-imports",
  ]),
  ...[
    ["tools", "servers/mysql/server"],
    ["servers", "environment/deployment"],
    ["replayer", "servers/mysql/server"],
    ["environment", "commands/demo"],
  ].map(([from, to]): [string, string, string, string] => [
    `${to} in corridor ${from} of local`,
    `local/${from}/bad.ts`,
    `import * as up from "../${to}";\nexport const a = up;\n`,
    "no-restricted-imports",
  ]),
  ["a construct outside the corridors", "src/modules/bad.ts", "export const a = 1;\n", "no-restricted-syntax"],
  [
    "a construct in the reading of migrations",
    "src/schema/bad.ts",
    'import { Role } from "../modules/common/role";\nexport const a = Role;\n',
    "no-restricted-imports",
  ],
  [
    "cdktf in the reading of migrations",
    "src/schema/bad.ts",
    'import { Fn } from "cdktf";\nexport const a = Fn;\n',
    "no-restricted-imports",
  ],
  [
    "an optional prop without its default",
    inModules,
    "/** Properties. */\nexport interface Props {\n  /** A size. */\n  readonly size?: number;\n}\n",
    "jsdoc/no-restricted-syntax",
  ],
  [
    "a prop without a word",
    inModules,
    "/** Properties. */\nexport interface Props {\n  readonly size: number;\n}\n",
    "jsdoc/require-jsdoc",
  ],
];

it("refuses what the design forbids, and takes the same things where they belong", () => {
  const allowed = [
    {
      filePath: inStacks,
      text:
        'import { TerraformOutput } from "cdktf";\nimport { S3Bucket } from "@cdktf/provider-aws/lib/s3-bucket";\n\n' +
        "export const a = [TerraformOutput, S3Bucket];\n",
    },
    {
      filePath: "src/modules/backup/good.ts",
      text: 'import { DataLakeBucket } from "../storage/data-lake-bucket";\n\nexport const a = DataLakeBucket;\n',
    },
  ];
  const results = broken([...CASES.map(([, filePath, text]) => ({ filePath, text })), ...allowed]);
  expect(CASES.map(([what], index) => [what, results[index]])).toEqual(CASES.map(([what, , , rule]) => [what, [rule]]));
  expect(results.slice(CASES.length)).toEqual([[], []]);
}, 60_000);
