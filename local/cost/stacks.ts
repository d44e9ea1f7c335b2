import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { ToolError } from "../tools/tool-error";

/** A resource of a synthesized stack. */
export interface Resource {
  readonly type: string;
  /** The construct's path, such as `prod-data-lake/Database/Resource`. */
  readonly path: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/** Tells the trigger of a schedule from one on demand, which costs nothing by itself. */
export function isScheduledTrigger({ type, config }: Resource): boolean {
  return type === "aws_glue_trigger" && config.schedule !== undefined;
}

interface Synthesized {
  readonly provider?: { readonly aws?: { readonly region?: string }[] };
  readonly resource?: Record<string, Record<string, Record<string, unknown>>>;
}

/** All resources of an environment's stacks, and its region. */
export interface EnvironmentResources {
  readonly region: string;
  readonly resources: readonly Resource[];
}

/**
 * Reads what cdktf synthesized.
 *
 * @param outputFolder the folder `cdktf.out`
 * @param environment its stacks are `<environment>-…`
 */
export function readEnvironment(outputFolder: string, environment: string): EnvironmentResources {
  const folder = path.join(outputFolder, "stacks");
  const all = readdirSync(folder);
  const stacks = all.filter((name) => name.startsWith(`${environment}-`));
  if (!stacks.includes(`${environment}-data-lake`)) {
    const environments = all
      .filter((name) => name.endsWith("-data-lake"))
      .map((name) => name.replace("-data-lake", ""));
    throw new ToolError(`there is no environment "${environment}": use one of ${environments.join(", ")}`);
  }
  const documents = stacks.map(
    (name) => JSON.parse(readFileSync(path.join(folder, name, "cdk.tf.json"), "utf8")) as Synthesized,
  );
  const region = documents.flatMap(({ provider }) => provider?.aws?.[0]?.region ?? [])[0] ?? "";
  const resources = documents.flatMap(({ resource = {} }) =>
    Object.entries(resource).flatMap(([type, blocks]) =>
      Object.values(blocks).map((config) => ({ type, path: pathOf(config), config })),
    ),
  );
  return { region, resources };
}

function pathOf(config: Record<string, unknown>): string {
  const comment = config["//"] as { metadata?: { path?: string } } | undefined;
  return comment?.metadata?.path ?? "";
}
