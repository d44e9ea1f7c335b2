import path from "node:path";
import { repositoryRoot } from "../tools/paths";
import { runCommand } from "../tools/run-command";
import { terraformBinary } from "../tools/terraform-binary";

/** A resource in a stack's state. */
export interface DeployedResource {
  readonly type: string;
  /** Name that a person knows it by. */
  readonly name: string;
}

/** Output of `terraform show -json` for a state. */
interface ShownState {
  readonly values?: {
    readonly root_module: {
      readonly resources?: { readonly type: string; readonly mode: string; readonly values: Record<string, unknown> }[];
    };
    readonly outputs: Record<string, { readonly value: unknown }>;
  };
}

/** A folder with a `cdktf.json`, run by the project's own cdktf and the machine's terraform. */
export class CdktfProject {
  /**
   * @param folder where `cdktf.json` is, and where `cdktf.out` and `.local` go
   * @param environment the variables that cdktf and terraform run with
   */
  constructor(
    readonly folder: string,
    private readonly environment: NodeJS.ProcessEnv,
  ) {}

  /** The folder that a stack is synthesized into. */
  stackFolder(stack: string): string {
    return path.join(this.folder, "cdktf.out", "stacks", stack);
  }

  /** File of the whole output of a command on a stack. */
  logFile(command: string, stack: string): string {
    return path.join(this.folder, ".local", "log", `${command}-${stack}.log`);
  }

  async deploy(stacks: string[], onLine?: (line: string) => void): Promise<void> {
    await this.cdktf("deploy", stacks, onLine);
  }

  async destroy(stacks: string[], onLine?: (line: string) => void): Promise<void> {
    await this.cdktf("destroy", stacks, onLine);
  }

  /** Addresses that a plan of a deployed stack would change. */
  async plannedChanges(stack: string): Promise<string[]> {
    const { code, stdout } = await runCommand(terraformBinary(), ["plan", "-detailed-exitcode", "-no-color"], {
      cwd: this.stackFolder(stack),
      env: this.environment,
      okCodes: [0, 2],
      logFile: this.logFile("plan", stack),
    });
    const addresses = [...stdout.matchAll(/^ {2}# (\S+) (?:will|must) be /gm)].map(([, address = ""]) => address);
    if ((code === 0) !== (addresses.length === 0))
      throw new Error(`terraform plan ended with ${code}: ${addresses.join()}`);
    return addresses;
  }

  /**
   * Plans the destruction of a stack.
   * @throws ToolError with Terraform's words where it refuses
   */
  async planDestroy(stack: string): Promise<void> {
    const options = {
      cwd: this.stackFolder(stack),
      env: this.environment,
      logFile: this.logFile("plan-destroy", stack),
    };
    await runCommand(terraformBinary(), ["plan", "-destroy", "-no-color"], options);
  }

  /** A stack's state: as JSON, its managed resources, its outputs. */
  async readState(
    stack: string,
  ): Promise<{ json: string; resources: DeployedResource[]; outputs: Record<string, unknown> }> {
    const { stdout } = await runCommand(terraformBinary(), ["show", "-json"], {
      cwd: this.stackFolder(stack),
      env: this.environment,
    });
    const { values } = JSON.parse(stdout) as ShownState;
    const resources = values?.root_module.resources ?? [];
    return {
      json: stdout,
      resources: resources
        .filter(({ mode }) => mode === "managed")
        .map((resource) => ({ type: resource.type, name: nameOf(resource.values) })),
      outputs: Object.fromEntries(Object.entries(values?.outputs ?? {}).map(([id, { value }]) => [id, value])),
    };
  }

  private async cdktf(command: string, stacks: string[], onLine?: (line: string) => void): Promise<void> {
    const cli = path.join(repositoryRoot, "node_modules", ".bin", "cdktf");
    const flags = ["--auto-approve", "--skip-provider-lock"];
    // A schema that the replayer made has no deployed stack, which cdktf would miss. The flag drops the order of stacks, too,
    // which one alone has not.
    if (stacks.length === 1) flags.push("--ignore-missing-stack-dependencies");
    await runCommand(cli, [command, ...stacks, ...flags], {
      env: this.environment,
      cwd: this.folder,
      logFile: this.logFile(`cdktf-${command}`, stacks.join("+")),
      onLine: (line) => onLine?.(line.replace(/\s+/g, " ")),
    });
  }
}

function nameOf(values: Record<string, unknown>): string {
  const keys = ["name", "identifier", "key", "alarm_name", "service_name", "bucket", "description", "id", "arn"];
  return String(keys.map((key) => values[key]).find((value) => typeof value === "string" && value !== "") ?? "");
}
