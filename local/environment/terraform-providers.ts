import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { localPath } from "../tools/paths";
import { runCommand } from "../tools/run-command";
import { ToolError } from "../tools/tool-error";
import { terraformBinary } from "../tools/terraform-binary";

/** A provider as Terraform's `required_providers` names it. */
export interface RequiredProvider {
  readonly source: string;
  readonly version: string;
}

/** The one that the bindings of `@cdktf/provider-aws` 20.1.0 are made from. */
export const AWS_PROVIDER: RequiredProvider = { source: "hashicorp/aws", version: "5.100.0" };
/** The one that `src/providers/mysql` is made from. */
export const MYSQL_PROVIDER: RequiredProvider = { source: "petoju/mysql", version: "~> 3.0.88" };

/** Tells whether `terraform init` can get a provider here, from the registry or from a mirror. */
export async function canGetProvider(provider: RequiredProvider, environment: NodeJS.ProcessEnv): Promise<boolean> {
  const folder = localPath("providers", provider.source.replace("/", "-"));
  mkdirSync(folder, { recursive: true });
  const configuration = { terraform: { required_providers: { provider } } };
  writeFileSync(path.join(folder, "main.tf.json"), JSON.stringify(configuration));
  try {
    await runCommand(terraformBinary(), ["init", "-no-color"], { cwd: folder, env: environment });
    return true;
  } catch (error) {
    if (error instanceof ToolError) return false;
    throw error;
  }
}

/** @throws ToolError where the AWS provider is not to be had */
export async function checkAwsProvider(environment: NodeJS.ProcessEnv): Promise<void> {
  if (await canGetProvider(AWS_PROVIDER, environment)) return;
  throw new ToolError(
    `Terraform cannot get the provider ${AWS_PROVIDER.source} ${AWS_PROVIDER.version}: connect to its registry, or set ` +
      `TF_PROVIDER_MIRROR to a folder that holds registry.terraform.io/${AWS_PROVIDER.source}`,
  );
}
