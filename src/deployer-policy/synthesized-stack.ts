import { readFileSync } from "node:fs";
import path from "node:path";
import { DeployerPolicyError } from "./deployer-policy-error";

/** Arguments of one block in Terraform's spelling. */
export type Block = Readonly<Record<string, unknown>>;

/** One resource, data source or ephemeral resource. */
export interface StackResource {
  /** Its type; those of data sources begin with `data.`, those of ephemeral resources with `ephemeral.`. */
  readonly type: string;
  /** Its arguments. */
  readonly block: Block;
}

/** The file of one state in a bucket. */
export interface StateFile {
  /** The bucket. */
  readonly bucket: string;
  /** The object. */
  readonly key: string;
}

type Blocks = Record<string, Record<string, Block>>;
/** Parts of a stack's file that are read. */
type StackJson = Partial<Record<"resource" | "data" | "ephemeral", Blocks>> & {
  provider?: { aws?: Block[] };
  terraform?: { backend?: { s3?: StateFile } };
};

/** A reference that is the whole of an argument: type and id of a resource. */
const REFERENCE = /^\$\{(aws_\w+)\.([\w-]+)\.[\w[\].]+\}$/;
/** References inside a text. */
const REFERENCES = /\$\{(aws_\w+)\.([\w-]+)\.\w+\}/g;
const NAMES = ["name", "identifier", "bucket", "function_name", "role", "user", "rule"];

/** A stack as cdktf has written it. */
export class SynthesizedStack {
  /** All that the stack holds. */
  readonly resources: readonly StackResource[];
  /** Region of the AWS provider. */
  readonly region: string;
  /** Tags that the provider gives each resource. */
  readonly tags: Readonly<Record<string, string>>;
  /** Terraform's state. */
  readonly state?: StateFile;

  private readonly json: StackJson;

  constructor(
    readonly name: string,
    folder: string,
  ) {
    this.json = JSON.parse(readFileSync(path.join(folder, "cdk.tf.json"), "utf8")) as StackJson;
    const { resource = {}, data = {}, ephemeral = {}, provider, terraform } = this.json;
    const all = (kind: string, blocks: Blocks): StackResource[] =>
      Object.entries(blocks).flatMap(([type, byId]) =>
        Object.values(byId).map((block) => ({ type: `${kind}${type}`, block })),
      );
    this.resources = [...all("", resource), ...all("data.", data), ...all("ephemeral.", ephemeral)];
    const [aws = {}] = provider?.aws ?? [];
    const { region, default_tags: defaultTags } = aws as { region?: string; default_tags?: { tags?: object }[] };
    if (region === undefined) throw new DeployerPolicyError(`stack ${name} has no AWS provider with a region`);
    this.region = region;
    this.tags = { ...defaultTags?.[0]?.tags };
    this.state = terraform?.backend?.s3;
  }

  /**
   * A resource's name as a pattern, with an asterisk for what only a deploy tells.
   *
   * @param attribute argument that holds the name, or a reference to the resource that has it
   */
  nameOf(block: Block, attribute: string): string {
    const value = block[attribute];
    if (typeof value === "string") return this.textOf(value);
    const prefix = block[`${attribute}_prefix`];
    return typeof prefix === "string" ? `${this.textOf(prefix)}*` : "*";
  }

  private textOf(value: string): string {
    const whole = REFERENCE.exec(value);
    const named = (type: string, id: string): string => {
      const block = this.json.resource?.[type]?.[id];
      // A version of a secret has the secret's name, a table that of its database.
      const attribute = [...NAMES, "secret_id"].find((name) => block?.[name] ?? block?.[`${name}_prefix`]);
      return block === undefined || attribute === undefined ? "*" : this.nameOf(block, attribute);
    };
    if (whole) return named(whole[1] ?? "", whole[2] ?? "");
    const text = value.replace(REFERENCES, (_, type: string, id: string) => named(type, id));
    return text.replaceAll(/\$\{.*\}/g, "*");
  }
}
