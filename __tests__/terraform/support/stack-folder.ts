import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { App } from "cdktf";
import { localPath } from "../../../local/tools/paths";
import { runCommand } from "../../../local/tools/run-command";
import { terraformEnvironment } from "../../../local/environment/terraform-cli-config";
import { isOpenTofu, terraformBinary } from "../../../local/tools/terraform-binary";

/** Planned change of one resource: https://developer.hashicorp.com/terraform/internals/machine-readable-ui#planned-change */
interface PlannedChange {
  readonly resource: { readonly addr: string };
  readonly action: "noop" | "create" | "read" | "update" | "replace" | "delete" | "move" | "import" | "remove";
  readonly importing?: { readonly id: string };
}

/** Planned changes, as Terraform's last line counts them; addresses are without hashes. */
export interface PlanCounts {
  readonly imported: string[];
  readonly changed: string[];
  readonly add: number;
  readonly destroy: number;
  readonly replace: number;
}

/** A stack that is synthesized into a folder below `.local` and run by the machine's terraform against an emulator. */
export class StackFolder {
  private readonly folder: string;
  private readonly environment = terraformEnvironment();

  constructor(
    name: string,
    private readonly endpoint: string,
  ) {
    this.folder = localPath("test", name);
    rmSync(this.folder, { recursive: true, force: true });
    mkdirSync(this.folder, { recursive: true });
  }

  /** Synthesizes the app's one stack, whose AWS provider then talks to the emulator. */
  async synthesize(build: (app: App) => void): Promise<void> {
    const app = new App({ outdir: this.folder });
    build(app);
    app.synth();
    const services = [
      "athena",
      "cloudwatch",
      "ec2",
      "events",
      "glue",
      "iam",
      "kms",
      "logs",
      "rds",
      "s3",
      "secretsmanager",
      "sns",
      "sqs",
      "ssm",
      "sts",
    ];
    const aws = {
      endpoints: [Object.fromEntries(services.map((service) => [service, this.endpoint]))],
      access_key: "local",
      secret_key: "local",
      s3_use_path_style: true,
      skip_credentials_validation: true,
      skip_metadata_api_check: "true",
    };
    const override = {
      provider: { aws },
      terraform: { backend: { local: { path: path.join(this.folder, "tfstate") } } },
    };
    writeFileSync(path.join(this.stackFolder, "emulator_override.tf.json"), JSON.stringify(override));
    await this.terraform("init", "-no-color");
  }

  /** Puts a state in the place of the folder's own. */
  useState(text: string): void {
    const registry = isOpenTofu() ? "registry.opentofu.org" : "registry.terraform.io";
    writeFileSync(path.join(this.folder, "tfstate"), text.replaceAll("registry.terraform.io", registry));
  }

  async terraform(...args: string[]): Promise<string> {
    const { stdout } = await runCommand(terraformBinary(), args, { cwd: this.stackFolder, env: this.environment });
    return stdout;
  }

  /** Plans, keeps the plan for {@link apply}, and returns its changes. */
  async plannedChanges(...options: string[]): Promise<PlannedChange[]> {
    const lines = (await this.terraform("plan", "-json", "-out=plan.bin", ...options)).trim().split("\n");
    return lines
      .map((line) => JSON.parse(line) as { type: string; change: PlannedChange })
      .filter(({ type }) => type === "planned_change")
      .map(({ change }) => change);
  }

  /** Plans, keeps the plan for {@link apply}, and counts. */
  async plan(): Promise<PlanCounts> {
    const changes = await this.plannedChanges();
    const addresses = (of: (change: PlannedChange) => boolean): string[] =>
      changes
        .filter(of)
        .map(({ resource }) => resource.addr.replace(/_[0-9A-F]{8}$/, ""))
        .sort();
    return {
      imported: addresses(({ importing }) => importing !== undefined),
      changed: addresses(({ action }) => action === "update"),
      add: addresses(({ action }) => action === "create").length,
      destroy: addresses(({ action }) => action === "delete" || action === "replace").length,
      replace: addresses(({ action }) => action === "replace").length,
    };
  }

  /** Applies the last plan. */
  async apply(): Promise<void> {
    await this.terraform("apply", "-no-color", "plan.bin");
  }

  async outputs(): Promise<Record<string, unknown>> {
    const json = JSON.parse(await this.terraform("output", "-json")) as Record<string, { value: unknown }>;
    return Object.fromEntries(Object.entries(json).map(([name, { value }]) => [name, value]));
  }

  private get stackFolder(): string {
    const manifest = path.join(this.folder, "manifest.json");
    const { stacks } = JSON.parse(readFileSync(manifest, "utf8")) as {
      stacks: Record<string, { workingDirectory: string }>;
    };
    const [stack] = Object.values(stacks);
    return path.join(this.folder, stack?.workingDirectory ?? "");
  }
}
