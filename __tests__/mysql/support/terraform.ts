import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { localPath } from "../../../local/tools/paths";
import { terraformEnvironment } from "../../../local/environment/terraform-cli-config";
import { blocksOf } from "../../support/runbook";
import { terraformBinary } from "../../../local/tools/terraform-binary";

/** Result of a run of Terraform. */
export interface TerraformResult {
  /** Exit code. */
  readonly status: number | null;
  /** Standard output and standard error, without colours and line breaks of boxes. */
  readonly output: string;
}

/**
 * The version of the MySQL provider that `terraform init` gets here, from a mirror or from the registry.
 *
 * @returns undefined where it cannot be had
 */
export function mysqlProviderVersion(): string | undefined {
  const folder = localPath("test", "mysql-provider");
  const requirement = { mysql: { source: "petoju/mysql", version: "~> 3.0.88" } };
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "main.tf.json"), JSON.stringify({ terraform: { required_providers: requirement } }));
  const { status } = spawnSync(terraformBinary(), ["init", "-upgrade"], { cwd: folder, env: terraformEnvironment() });
  const lock = status === 0 ? readFileSync(path.join(folder, ".terraform.lock.hcl"), "utf8") : "";
  return /version\s*=\s*"([^"]+)"/.exec(lock)?.[1];
}

/** The real Terraform on one synthesized stack. */
export class Terraform {
  private readonly folder: string;
  private readonly stateFile: string;
  private readonly environment: NodeJS.ProcessEnv;

  constructor(
    private readonly stackFile: string,
    private readonly variables: NodeJS.ProcessEnv,
  ) {
    this.folder = path.dirname(stackFile);
    this.stateFile = path.join(this.folder, "schema.tfstate");
    this.environment = { ...terraformEnvironment(), ...variables };
  }

  /** The same stack with other environment variables. */
  with(environment: NodeJS.ProcessEnv): Terraform {
    return new Terraform(this.stackFile, { ...this.variables, ...environment });
  }

  /** Takes all resources out of the configuration, as somebody does who removes the construct. */
  removeResources(): void {
    this.editStack((stack) => {
      delete stack["resource"];
      delete stack["data"];
    });
  }

  /** Points the MySQL provider to another server. */
  pointTo(endpoint: string): void {
    this.editStack((stack) => {
      const [provider] = (stack["provider"] as { mysql: { endpoint: string }[] }).mysql;
      if (provider !== undefined) provider.endpoint = endpoint;
    });
  }

  /** The synthesized JSON. */
  stackJson(): string {
    return readFileSync(this.stackFile, "utf8");
  }

  /** The command of docs/runbook/instance-gone.md: Terraform forgets what it has run. */
  forgetStatements(): TerraformResult {
    const [command] = blocksOf("instance-gone").filter(({ heading }) => heading === "Bring Terraform in step");
    const lines = command?.text.split("\n").filter((line) => line.startsWith("terraform state rm")) ?? [];
    return this.spawn("bash", ["-c", lines.join("\n")]);
  }

  /** Links the providers. */
  init(): TerraformResult {
    return this.run("init", "-input=false", "-no-color");
  }

  apply(...args: string[]): TerraformResult {
    return this.run("apply", "-auto-approve", "-input=false", "-no-color", ...args);
  }

  /** Exit code 0: no changes; 2: changes; 1: an error. */
  plan(...args: string[]): TerraformResult {
    return this.run("plan", "-detailed-exitcode", "-input=false", "-no-color", ...args);
  }

  destroy(): TerraformResult {
    return this.run("destroy", "-auto-approve", "-input=false", "-no-color");
  }

  run(...args: string[]): TerraformResult {
    return this.spawn(terraformBinary(), args);
  }

  private spawn(command: string, args: string[]): TerraformResult {
    const { status, stdout, stderr } = spawnSync(command, args, {
      cwd: this.folder,
      env: this.environment,
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
    });
    // A diagnostic is wrapped in a box of lines: read as one line it can be searched for a sentence.
    return { status, output: `${stdout}${stderr}`.replace(/\s*\n[│╷╵ ]*/g, "\n") };
  }

  /** Text of the state file, empty where there is none. */
  state(): string {
    return existsSync(this.stateFile) ? readFileSync(this.stateFile, "utf8") : "";
  }

  /** Loses the state, as a person may. */
  loseState(): void {
    rmSync(this.stateFile);
  }

  private editStack(edit: (stack: Record<string, unknown>) => void): void {
    const stack = JSON.parse(this.stackJson()) as Record<string, unknown>;
    edit(stack);
    writeFileSync(this.stackFile, JSON.stringify(stack));
  }
}
