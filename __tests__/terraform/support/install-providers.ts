import { TerraformStack } from "cdktf";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { StackFolder } from "./stack-folder";

/** Fills Terraform's plugin cache, which two runs of `terraform init` must not fill at once. */
export default async function installProviders(): Promise<void> {
  await new StackFolder("providers", "http://127.0.0.1").synthesize((app) => {
    new AwsProvider(new TerraformStack(app, "providers"), "aws", { region: "eu-central-1" });
  });
}
