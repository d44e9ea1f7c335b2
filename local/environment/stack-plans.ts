import { writeFileSync } from "node:fs";
import path from "node:path";
import type { Emulator } from "../servers/aws/emulator";
import { startEmulator } from "../servers/aws/emulator";
import { runCommand } from "../tools/run-command";
import { ToolError } from "../tools/tool-error";
import { terraformEnvironment } from "./terraform-cli-config";
import { terraformBinary } from "../tools/terraform-binary";

/** Plans synthesized stacks against an emulator with nothing in it. */
export class StackPlans {
  static async start(): Promise<StackPlans> {
    return new StackPlans(await startEmulator());
  }

  private readonly environment: NodeJS.ProcessEnv;

  private constructor(private readonly emulator: Emulator) {
    this.environment = {
      ...terraformEnvironment(),
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local",
      AWS_ENDPOINT_URL: emulator.url,
    };
  }

  /**
   * Validates a stack's folder and plans it; returns the number of resources that would be made, or Terraform's word for
   * a provider that cannot be had here.
   */
  async plan(folder: string): Promise<number | string> {
    const aws = {
      skip_credentials_validation: true,
      skip_requesting_account_id: true,
      skip_metadata_api_check: "true",
    };
    const override = { terraform: { backend: { local: { path: "plan.tfstate" } } }, provider: { aws } };
    writeFileSync(path.join(folder, "plan_override.tf.json"), JSON.stringify(override));
    const terraform = async (...args: string[]): Promise<string> =>
      (await runCommand(terraformBinary(), args, { cwd: folder, env: this.environment })).stdout;
    try {
      await terraform("init", "-no-color");
    } catch (error) {
      const missing = /no available releases match the given\s+constraints [\d.]+/.exec(String(error));
      if (missing === null) throw error;
      return missing[0].replaceAll(/\s+/g, " ");
    }
    const { valid } = JSON.parse(await terraform("validate", "-json")) as { valid: boolean };
    if (!valid) throw new ToolError(`terraform validate refuses ${folder}`);
    await terraform("plan", "-no-color", "-out=plan.bin");
    const { resource_changes: changes } = JSON.parse(await terraform("show", "-json", "plan.bin")) as {
      resource_changes: { mode: string }[];
    };
    return changes.filter(({ mode }) => mode === "managed").length;
  }

  async stop(): Promise<void> {
    await this.emulator.stop();
  }
}
