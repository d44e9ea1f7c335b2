import { writeFileSync } from "node:fs";
import path from "node:path";
import { Expressions, type StackJson } from "../../local/replayer/expressions";
import { temporaryFolder } from "./support/synth";

const stack: StackJson = {
  ephemeral: {
    aws_secretsmanager_secret_version: { s: { secret_id: "${data.terraform_remote_state.other.outputs.arn}" } },
  },
  data: {
    terraform_remote_state: {
      other: { backend: "local", config: { path: "../other.tfstate" } },
      s3: { config: { bucket: "b" } },
    },
  },
  locals: { name: "a-local" },
  resource: { mysql_user: { u: { user: "${local.name}" } } },
};

const evaluate = async (text: string) => {
  const folder = temporaryFolder();
  writeFileSync(path.join(folder, "other.tfstate"), JSON.stringify({ outputs: { arn: { value: "arn:s" } } }));
  const readSecret = (id: string) => Promise.resolve(JSON.stringify({ password: `password of ${id}`, port: 3306 }));
  return new Expressions(stack, path.join(folder, "stack"), readSecret).evaluate(text);
};

test.each([
  ["plain", "plain"],
  ["$${a} %%{b} $$c $", "${a} %{b} $$c $"],
  ["${local.name}", "a-local"],
  ["${mysql_user.u.user}", "a-local"],
  ["${data.terraform_remote_state.other.outputs.arn}", "arn:s"],
  ["${jsondecode(ephemeral.aws_secretsmanager_secret_version.s.secret_string).password}", "password of arn:s"],
  ["${jsondecode(ephemeral.aws_secretsmanager_secret_version.s.secret_string).port}", "3306"],
])("%s", async (text, value) => {
  expect(await evaluate(text)).toBe(value);
});

test.each([
  ["${file(1)}", 'the replayer does not know the expression "file(1)"'],
  ["a ${local.name}", 'the replayer does not know the expression "a ${local.name}"'],
  ["${local.missing}", 'the replayer does not know the expression "local.missing"'],
  [
    "${data.terraform_remote_state.other.outputs.missing}",
    'the replayer does not know the expression "data.terraform_remote_state.other.outputs.missing"',
  ],
  [
    "${data.terraform_remote_state.s3.outputs.arn}",
    "data.terraform_remote_state.s3.outputs.arn: the replayer reads local states only",
  ],
  [
    "${jsondecode(ephemeral.aws_secretsmanager_secret_version.s.secret_string).missing}",
    'the JSON of ephemeral.aws_secretsmanager_secret_version.s.secret_string has no key "missing"',
  ],
])("refuses %s", async (text, message) => {
  await expect(evaluate(text)).rejects.toThrow(message);
});
