import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { App, TerraformStack } from "cdktf";

/** The arguments of one block, in Terraform's spelling. */
export type Block = Record<string, unknown>;
type Blocks = Record<string, Record<string, Block>>;

/**
 * A stack as `cdktf synth` writes it. In what the getters return, references carry no hashes: the address of
 * `Lake/Resource` reads `Lake`, that of `Lake/Policy` reads `Lake_Policy`.
 */
export class SynthesizedStack {
  private readonly blocks: { resource?: Blocks; data?: Blocks; ephemeral?: Blocks };

  constructor(
    readonly text: string,
    readonly warnings: string[],
  ) {
    this.blocks = JSON.parse(text.replace(/_[0-9A-F]{8}(?=[."}/\]])/g, "")) as typeof this.blocks;
  }

  /** The resource of a type; `id` where there are several. */
  resource(type: string, id?: string): Block {
    return find(this.blocks.resource, type, id);
  }

  /** The statements of a policy document. */
  statements(id: string): Block[] {
    return find(this.blocks.data, "aws_iam_policy_document", id).statement as Block[];
  }

  /** The ids of all resources of a type. */
  ids(type: string): string[] {
    return Object.keys(this.blocks.resource?.[type] ?? {}).sort();
  }

  /** The real addresses of all resources, data sources and ephemeral resources, with their hashes. */
  addresses(): string[] {
    const { resource = {}, data = {}, ephemeral = {} } = JSON.parse(this.text) as Record<string, Blocks>;
    const kinds: [string, Blocks][] = [
      ["", resource],
      ["data.", data],
      ["ephemeral.", ephemeral],
    ];
    return kinds
      .flatMap(([kind, types]) =>
        Object.entries(types).flatMap(([type, blocks]) => Object.keys(blocks).map((id) => `${kind}${type}.${id}`)),
      )
      .sort();
  }
}

function find(blocks: Blocks | undefined, type: string, id: string | undefined): Block {
  const all = blocks?.[type] ?? {};
  const key = id ?? (Object.keys(all).length === 1 ? Object.keys(all)[0] : undefined);
  const block = key === undefined ? undefined : all[key];
  if (!block) throw new Error(`no ${type} ${id ?? "alone of its type"}; there are: ${Object.keys(all).join(", ")}`);
  return withoutMetadata(block);
}

function withoutMetadata(block: Block): Block {
  return Object.fromEntries(Object.entries(block).filter(([key]) => key !== "//"));
}

/** Synthesizes every stack of an app, with validations and references between stacks resolved, as the CLI does. */
export function synthesizeApp(build: (app: App) => void): Record<string, SynthesizedStack> {
  const outdir = fs.mkdtempSync(path.join(os.tmpdir(), "synth-"));
  try {
    const app = new App({ outdir });
    build(app);
    app.synth();
    const manifest = JSON.parse(fs.readFileSync(path.join(outdir, "manifest.json"), "utf8")) as {
      stacks: Record<string, { synthesizedStackPath: string; annotations: { level: string; message: string }[] }>;
    };
    return Object.fromEntries(
      Object.entries(manifest.stacks).map(([name, { synthesizedStackPath, annotations }]) => [
        name,
        new SynthesizedStack(
          fs.readFileSync(path.join(outdir, synthesizedStackPath), "utf8"),
          annotations.filter(({ level }) => level.endsWith("warn")).map(({ message }) => message),
        ),
      ]),
    );
  } finally {
    fs.rmSync(outdir, { recursive: true });
  }
}

/** Synthesizes one stack with the AWS provider and what `build` puts into it; the stack's path is `test`. */
export function synthesize(build: (stack: TerraformStack) => void): SynthesizedStack {
  const { test } = synthesizeApp((app) => {
    const stack = new TerraformStack(app, "test");
    new AwsProvider(stack, "aws", { region: "eu-central-1" });
    build(stack);
  });
  return test as SynthesizedStack;
}

/** The message with which `build` is refused. */
export function refusal(build: (stack: TerraformStack) => void): string {
  try {
    synthesize(build);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("expected a refusal, and there was none");
}
