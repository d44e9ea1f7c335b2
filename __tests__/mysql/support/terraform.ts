import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

/** What a run of Terraform ended with. */
export interface TerraformResult {
  /** Exit code. */
  readonly status: number | null;
  /** Standard output and standard error, without colours and line breaks of boxes. */
  readonly output: string;
}

const MYSQL_PROVIDER = path.join("registry.terraform.io", "petoju", "mysql");

/** The folder of `TF_PROVIDER_MIRROR` where it holds the MySQL provider. */
export function providerMirror(): string | undefined {
  const mirror = process.env["TF_PROVIDER_MIRROR"];
  return mirror !== undefined && existsSync(path.join(mirror, MYSQL_PROVIDER)) ? mirror : undefined;
}

/** Version of the MySQL provider in the mirror. */
export function providerVersion(mirror: string): string {
  return readdirSync(path.join(mirror, MYSQL_PROVIDER)).sort().at(-1) ?? "";
}

/** The real Terraform on one synthesized stack, with the providers of a mirror. */
export class Terraform {
  private readonly folder: string;
  private readonly stateFile: string;
  private readonly environment: NodeJS.ProcessEnv;

  constructor(
    private readonly stackFile: string,
    private readonly mirror: string,
    private readonly variables: NodeJS.ProcessEnv,
  ) {
    this.folder = path.dirname(stackFile);
    this.stateFile = path.join(this.folder, "schema.tfstate");
    const configFile = path.join(this.folder, "mirror.tfrc");
    writeFileSync(
      configFile,
      `provider_installation {\n  filesystem_mirror {\n    path = ${JSON.stringify(mirror)}\n  }\n}\n`,
    );
    this.environment = { ...process.env, TF_CLI_CONFIG_FILE: configFile, TF_IN_AUTOMATION: "1", ...variables };
  }

  /** The same stack with other environment variables. */
  with(environment: NodeJS.ProcessEnv): Terraform {
    return new Terraform(this.stackFile, this.mirror, { ...this.variables, ...environment });
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

  /** Addresses of the migrations' statements in the state. */
  migrationAddresses(): string[] {
    const list = this.run("state", "list").output.split("\n");
    return list.filter((address) => /^mysql_sql\.\w+_V\d{4}-/.test(address));
  }

  /** Downloads nothing: links the providers of the mirror. */
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
    const { status, stdout, stderr } = spawnSync("terraform", args, {
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
