import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { App, TerraformOutput, TerraformStack } from "cdktf";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { SecretsmanagerSecret } from "@cdktf/provider-aws/lib/secretsmanager-secret";
import type { EphemeralResourceProps } from "../../../src/modules/common/ephemeral-resource";
import { EphemeralResource } from "../../../src/modules/common/ephemeral-resource";
import { synthesizeApp } from "../../support/synth";

function provider(app: App, name: string): TerraformStack {
  const stack = new TerraformStack(app, name);
  new AwsProvider(stack, "aws", { region: "eu-central-1" });
  return stack;
}

test("an ephemeral block of one stack reads what another stack made", () => {
  const { reader, maker } = synthesizeApp((app) => {
    const secret = new SecretsmanagerSecret(provider(app, "maker"), "Secret");
    const stack = provider(app, "reader");
    const read = new EphemeralResource(stack, "Read", {
      type: "aws_secretsmanager_secret_version",
      arguments: { secret_id: secret.arn },
    });
    new TerraformOutput(stack, "reference", { value: read.attribute("secret_string") });
  });
  const json = JSON.parse(reader?.text ?? "") as Record<string, unknown>;
  expect(json.ephemeral).toEqual({
    aws_secretsmanager_secret_version: {
      Read: {
        secret_id:
          "${data.terraform_remote_state.cross-stack-reference-input-maker.outputs.cross-stack-output-aws_secretsmanager_secretSecretarn}",
      },
    },
  });
  expect(json.output).toEqual({
    reference: { value: "${ephemeral.aws_secretsmanager_secret_version.Read.secret_string}" },
  });
  expect(maker?.text).not.toContain("ephemeral");
});

test("it takes a provider as the generated resources do, also from an aspect, and overrides", () => {
  const { stack } = synthesizeApp((app) => {
    const scope = provider(app, "stack");
    const alias = new AwsProvider(scope, "other", { region: "eu-west-1", alias: "other" });
    const read = (id: string, config: Partial<EphemeralResourceProps> = {}) =>
      new EphemeralResource(scope, id, {
        type: "aws_kms_secrets",
        arguments: { secret: [], nested: { a: 1 } },
        ...config,
      });
    read("ByProp", { provider: alias });
    read("ByProperty").provider = alias;
    const overridden = read("Overridden");
    overridden.addOverride("secret", [{ name: "x" }]);
    overridden.addOverride("nested.b", 2);
    overridden.addOverride("count", 2);
  });
  const { ephemeral } = JSON.parse(stack?.text ?? "") as { ephemeral: unknown };
  const given = { secret: [], nested: { a: 1 } };
  expect(ephemeral).toEqual({
    aws_kms_secrets: {
      ByProp: { ...given, provider: "aws.other" },
      ByProperty: { ...given, provider: "aws.other" },
      Overridden: { secret: [{ name: "x" }], nested: { a: 1, b: 2 }, count: 2 },
    },
  });
});

describe("HCL output", () => {
  let outdir: string;
  beforeEach(() => (outdir = fs.mkdtempSync(path.join(os.tmpdir(), "ephemeral-"))));
  afterEach(() => fs.rmSync(outdir, { recursive: true }));

  function synth(hclOutput: boolean): string[] {
    const app = new App({ outdir, hclOutput });
    new EphemeralResource(provider(app, "stack"), "Read", {
      type: "aws_kms_secrets",
      arguments: { secret: [] },
    }).addOverride("count", 1);
    app.synth();
    return fs.readdirSync(path.join(outdir, "stacks", "stack")).sort();
  }

  it("has the block in a JSON file beside cdk.tf, which goes with the next synth to JSON", () => {
    expect(synth(true)).toEqual(["Read.tf.json", "cdk.tf"]);
    expect(JSON.parse(fs.readFileSync(path.join(outdir, "stacks", "stack", "Read.tf.json"), "utf8"))).toEqual({
      ephemeral: { aws_kms_secrets: { Read: { secret: [], count: 1 } } },
    });
    expect(synth(false)).not.toContain("Read.tf.json");
  });
});
