import { writeFileSync } from "node:fs";
import path from "node:path";
import type { Emulator } from "../servers/aws/emulator";
import { startEmulator } from "../servers/aws/emulator";
import { runCommand } from "../tools/run-command";
import { ToolError } from "../tools/tool-error";
import { terraformEnvironment } from "./terraform-cli-config";
import { AWS_PROVIDER } from "./terraform-providers";
import { terraformBinary } from "../tools/terraform-binary";

/** A resource that would be made: the part of Terraform's JSON of a plan that tells which, and with what. */
export interface PlannedResource {
  readonly address: string;
  readonly mode: string;
  readonly change: object;
}

/** The plan of a stack. */
export interface StackPlan {
  /** Version of the AWS provider that made it. */
  readonly awsVersion: string;
  /** Resources that would be made, by address. */
  readonly resources: readonly PlannedResource[];
}

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

  /** Where the emulator is, for stacks that name it themselves. */
  get url(): string {
    return this.emulator.url;
  }

  /**
   * Validates a stack's folder and plans it, with the AWS provider that the stack asks for, or, on a machine without that,
   * with another one.
   */
  async plan(folder: string): Promise<StackPlan> {
    const terraform = async (...args: string[]): Promise<string> =>
      (await runCommand(terraformBinary(), args, { cwd: folder, env: this.environment })).stdout;
    this.override(folder, {});
    await terraform("init", "-no-color").catch((error: unknown) => {
      if (!/no available releases match/.test(String(error))) throw error;
      const aws = { ...AWS_PROVIDER, version: `>= ${AWS_PROVIDER.version}` };
      this.override(folder, { required_providers: { aws } });
      return terraform("init", "-no-color");
    });
    const { valid } = JSON.parse(await terraform("validate", "-json")) as { valid: boolean };
    if (!valid) throw new ToolError(`terraform validate refuses ${folder}`);
    await terraform("plan", "-no-color", "-out=plan.bin");
    const { resource_changes: changes } = JSON.parse(await terraform("show", "-json", "plan.bin")) as {
      resource_changes: PlannedResource[];
    };
    const { provider_selections: providers } = JSON.parse(await terraform("version", "-json")) as {
      provider_selections: Record<string, string>;
    };
    const [, awsVersion = ""] = Object.entries(providers).find(([name]) => name.endsWith("/hashicorp/aws")) ?? [];
    const resources = changes
      .filter(({ mode }) => mode === "managed")
      .sort((one, other) => one.address.localeCompare(other.address));
    return { awsVersion, resources };
  }

  /** Writes what is other here than in the stack: no account, a state in a file. */
  private override(folder: string, terraform: object): void {
    const aws = {
      skip_credentials_validation: true,
      skip_requesting_account_id: true,
      skip_metadata_api_check: "true",
    };
    const override = { terraform: { backend: { local: { path: "plan.tfstate" } }, ...terraform }, provider: { aws } };
    writeFileSync(path.join(folder, "plan_override.tf.json"), JSON.stringify(override));
  }

  async stop(): Promise<void> {
    await this.emulator.stop();
  }
}
