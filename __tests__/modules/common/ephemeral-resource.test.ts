import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { App, TerraformOutput, TerraformStack } from "cdktf";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { SecretsmanagerSecret } from "@cdktf/provider-aws/lib/secretsmanager-secret";
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

describe("HCL output", () => {
  let outdir: string;
  beforeEach(() => (outdir = fs.mkdtempSync(path.join(os.tmpdir(), "ephemeral-"))));
  afterEach(() => fs.rmSync(outdir, { recursive: true }));

  function synth(hclOutput: boolean): string[] {
    const app = new App({ outdir, hclOutput });
    new EphemeralResource(provider(app, "stack"), "Read", { type: "aws_kms_secrets", arguments: { secret: [] } });
    app.synth();
    return fs.readdirSync(path.join(outdir, "stacks", "stack")).sort();
  }

  it("has the block in a JSON file beside cdk.tf, which goes with the next synth to JSON", () => {
    expect(synth(true)).toEqual(["Read.tf.json", "cdk.tf"]);
    expect(JSON.parse(fs.readFileSync(path.join(outdir, "stacks", "stack", "Read.tf.json"), "utf8"))).toEqual({
      ephemeral: { aws_kms_secrets: { Read: { secret: [] } } },
    });
    expect(synth(false)).not.toContain("Read.tf.json");
  });
});
