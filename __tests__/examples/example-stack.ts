import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { terraformEnvironment } from "../../local/environment/terraform-cli-config";
import { localPath, repositoryRoot } from "../../local/tools/paths";
import { runCommand } from "../../local/tools/run-command";
import { terraformBinary } from "../../local/tools/terraform-binary";

/** Synthesizes an example as its main.ts does, in this process; returns the folders of its stacks by name. */
export async function synthesizeExample(name: string): Promise<Record<string, string>> {
  const outdir = localPath("test", "examples", name);
  rmSync(outdir, { recursive: true, force: true });
  mkdirSync(outdir, { recursive: true });
  process.env["CDKTF_OUTDIR"] = outdir;
  try {
    await jest.isolateModulesAsync(() => import(path.join(repositoryRoot, "examples", name, "main")));
  } finally {
    delete process.env["CDKTF_OUTDIR"];
  }
  const stacks = path.join(outdir, "stacks");
  for (const stack of readdirSync(stacks)) {
    // cdktf keeps each state in the working folder, and one stack reads another's there.
    const file = path.join(stacks, stack, "cdk.tf.json");
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replaceAll(path.join(process.cwd(), "terraform."), path.join(outdir, "terraform.")));
  }
  return Object.fromEntries(readdirSync(stacks).map((stack) => [stack, path.join(stacks, stack)]));
}

/** A stack of an example, with the emulator in the place of AWS for each of its providers. */
export class ExampleStack {
  private readonly environment: NodeJS.ProcessEnv;

  constructor(
    private readonly folder: string,
    endpoint: string,
  ) {
    this.environment = {
      ...terraformEnvironment(),
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local",
      AWS_ENDPOINT_URL: endpoint,
    };
    const { provider } = JSON.parse(readFileSync(path.join(folder, "cdk.tf.json"), "utf8")) as {
      provider: { aws: { alias?: string }[] };
    };
    const emulated = { s3_use_path_style: true, skip_credentials_validation: true, skip_metadata_api_check: "true" };
    const aws = provider.aws.map(({ alias }) => ({ ...emulated, ...(alias !== undefined && { alias }) }));
    writeFileSync(path.join(folder, "emulator_override.tf.json"), JSON.stringify({ provider: { aws } }));
  }

  async terraform(...args: string[]): Promise<string> {
    const options = { cwd: this.folder, env: this.environment };
    return (await runCommand(terraformBinary(), args, options)).stdout;
  }

  async deploy(): Promise<void> {
    await this.terraform("init", "-no-color");
    await this.terraform("apply", "-auto-approve", "-no-color");
  }

  /** Addresses that a further plan would change. */
  async plannedChanges(): Promise<string[]> {
    await this.terraform("plan", "-no-color", "-out=plan.bin");
    const { resource_changes: changes = [] } = JSON.parse(await this.terraform("show", "-json", "plan.bin")) as {
      resource_changes?: { address: string; change: { actions: string[] } }[];
    };
    return changes.filter(({ change }) => !/^(no-op|read)$/.test(change.actions.join())).map(({ address }) => address);
  }

  /** Addresses and values of the deployed resources of a type. */
  async resources(type: string): Promise<Record<string, Record<string, unknown>>> {
    const { values } = JSON.parse(await this.terraform("show", "-json")) as {
      values: { root_module: { resources: { address: string; type: string; values: Record<string, unknown> }[] } };
    };
    const all = values.root_module.resources.filter((resource) => resource.type === type);
    return Object.fromEntries(all.map((resource) => [resource.address.replace(/_[0-9A-F]{8}$/, ""), resource.values]));
  }
}
