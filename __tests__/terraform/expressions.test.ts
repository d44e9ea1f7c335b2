import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { App, Fn, TerraformOutput, TerraformStack, TerraformVariable } from "cdktf";
import { localPath } from "../../local/tools/paths";
import { runCommand } from "../../local/tools/run-command";
import { terraformEnvironment } from "../../local/environment/terraform-cli-config";
import { expressionString, mapExpression, terraformLiteral } from "../../src/modules/common/expression";
import { terraformBinary } from "../../local/tools/terraform-binary";

jest.setTimeout(60_000);

const TEXTS = [
  "plain",
  "",
  'say "x"',
  '"quoted"',
  '"',
  "back\\slash\\n",
  "line\nbreak\r\n\ttab",
  "100%{ of ${x} and %{if true}",
  "$${twice} %%{twice}",
  "$$${thrice} $$ %% ${",
  '{"json": "${a}", "path": "C:\\\\x", "share": "5%{b}"}',
  "it's <ü> & 日本",
];

/** Values of a stack's outputs after an apply by the machine's terraform. */
async function outputs(name: string, hclOutput: boolean, build: (stack: TerraformStack) => Record<string, unknown>) {
  const folder = localPath("test", name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  if (hclOutput) process.env.SYNTH_HCL_OUTPUT = "true"; // read by the app and again by each stack
  const app = new App({ outdir: folder });
  const stack = new TerraformStack(app, "stack");
  for (const [id, value] of Object.entries(build(stack))) new TerraformOutput(stack, id, { value, staticId: true });
  app.synth();
  delete process.env.SYNTH_HCL_OUTPUT;
  const terraform = async (...args: string[]) =>
    (
      await runCommand(terraformBinary(), args, {
        cwd: path.join(folder, "stacks", "stack"),
        env: terraformEnvironment(),
      })
    ).stdout;
  await terraform("init", "-no-color");
  await terraform("apply", "-no-color", "-auto-approve");
  const json = JSON.parse(await terraform("output", "-json")) as Record<string, { value: unknown }>;
  return Object.fromEntries(Object.entries(json).map(([id, { value }]) => [id, value]));
}

test.each([
  ["JSON", false],
  ["HCL", true],
])("every character of a map's values, and every token, is what it was: %s", async (kind, hclOutput) => {
  const given = Object.fromEntries(TEXTS.map((text, index) => [`--text-${index}`, text]));
  const values = await outputs(`expressions-${kind}`, hclOutput, (stack) => {
    const days = new TerraformVariable(stack, "days", { type: "number", default: 90 }).numberValue;
    const name = new TerraformVariable(stack, "name", { type: "string", default: "clinic" }).stringValue;
    const tokens = { number: String(days), both: `${name} "for" ${days} d%{`, text: name };
    return {
      map: mapExpression({ ...given, ...tokens }),
      joined: Fn.join("|", TEXTS.map(expressionString)),
    };
  });
  expect(values).toEqual({
    map: { ...given, number: "90", both: 'clinic "for" 90 d%{', text: "clinic" },
    joined: TEXTS.join("|"),
  });
});

test("a text outside of an expression stands for itself", async () => {
  const values = await outputs("literals", false, () => ({ texts: TEXTS.map(terraformLiteral) }));
  expect(values).toEqual({ texts: TEXTS });
});
