import { readFileSync } from "node:fs";
import path from "node:path";
import { filled } from "./filled";
import { PlanError } from "./plan-error";
import { lossByChange } from "./shorter-retention";
import { type Attributes, lossBy } from "./stateful-resources";

/** Kinds of changes, in the order in which a comment shows them. */
export type ChangeKind = "destroy" | "replace" | "forget" | "update" | "create" | "import";

/** One attribute that a change sets to another value. */
export interface AttributeChange {
  /** Its name. */
  readonly name: string;
  /**
   * Its value before, where both are numbers, booleans or short texts that are known and no secrets.
   * @default - not shown
   */
  readonly before?: string;
  /**
   * Its value after, in the same way.
   * @default - not shown
   */
  readonly after?: string;
}

/** A planned change of one resource, or one that was made outside of Terraform. */
export interface ResourceChange {
  /** Terraform's address. */
  readonly address: string;
  /** Effect on the resource. */
  readonly kind: ChangeKind;
  /** Attributes with another value; of a replacement, those that force it. */
  readonly attributes: readonly AttributeChange[];
  /**
   * Terraform's word for a reason that is no attribute, such as `delete_because_no_resource_config`.
   * @default - none
   */
  readonly reason?: string;
  /**
   * Data that the change loses.
   * @default - none
   */
  readonly loss?: string;
}

/** The plan of one stack. */
export interface StackPlan {
  /** The stack's name: that of the file. */
  readonly stack: string;
  /** Planned changes. */
  readonly changes: readonly ResourceChange[];
  /** Changes that somebody made outside of Terraform since the last apply. */
  readonly drift: readonly ResourceChange[];
  /** Number of outputs that change. */
  readonly outputs: number;
  /** Terraform ended with an error, as it does where `prevent_destroy` forbids a change: the plan may be a part. */
  readonly errored: boolean;
  /** The plan is not of all that the code says, as with `-target`. */
  readonly partial: boolean;
  /** The state holds no resource. */
  readonly empty: boolean;
}

/** One entry of `resource_changes` and `resource_drift`. */
type PlannedResource = {
  readonly address: string;
  readonly mode: string;
  readonly type: string;
  readonly deposed?: string;
  readonly action_reason?: string;
  readonly change: {
    readonly actions: readonly string[];
    readonly before: Attributes | null;
    readonly after: Attributes | null;
    readonly after_unknown?: Attributes | boolean;
    readonly before_sensitive?: Attributes | boolean;
    readonly after_sensitive?: Attributes | boolean;
    readonly replace_paths?: readonly (readonly (string | number)[])[];
    readonly importing?: object;
  };
};

/** Resources of a state, and of the modules in it. */
type StateModule = {
  readonly resources?: readonly { readonly mode: string }[];
  readonly child_modules?: readonly StateModule[];
};

/** @see https://developer.hashicorp.com/terraform/internals/json-format#plan-representation */
type PlanJson = {
  readonly format_version?: string;
  readonly planned_values?: object;
  readonly prior_state?: { readonly values?: { readonly root_module?: StateModule } };
  readonly errored?: boolean;
  readonly complete?: boolean;
  readonly resource_changes?: readonly PlannedResource[];
  readonly resource_drift?: readonly PlannedResource[];
  readonly output_changes?: Readonly<Record<string, { readonly actions: readonly string[] }>>;
};

/** Attributes that AWS changes all the time: no drift. */
const VOLATILE: Readonly<Record<string, readonly string[]>> = {
  aws_db_instance: ["latest_restorable_time"],
  aws_default_network_acl: ["subnet_ids"],
};
/** Longest value that is shown: of a longer one, such as a policy, a reader would not find the difference. */
const MAX_VALUE = 80;
/** Names of attributes whose values are not shown, marked as sensitive or not. */
const SECRET = /pass|pwd|secret|token|credential|private|api_?key|access_key/i;

/**
 * Reads what `terraform show -json` tells of a plan.
 *
 * @throws PlanError where the file holds something else
 */
export function readPlan(file: string): StackPlan {
  const plan = parse(file);
  try {
    return stackPlan(path.basename(file).replace(/\.json$/, ""), plan);
  } catch (error) {
    throw notAPlan(file, `: ${(error as Error).message}`);
  }
}

function stackPlan(stack: string, plan: PlanJson): StackPlan {
  const outputs = Object.values(plan.output_changes ?? {}).filter(({ actions }) => actions.join() !== "no-op");
  const drift = managed(plan.resource_drift).filter(
    ({ kind, attributes }) => kind !== "update" || attributes.length > 0,
  );
  const errored = plan.errored === true;
  return {
    stack,
    changes: managed(plan.resource_changes),
    drift,
    outputs: outputs.length,
    errored,
    partial: !errored && plan.complete === false,
    empty: !holdsResource(plan.prior_state?.values?.root_module),
  };
}

/** A refresh notes data sources in a state that held nothing. */
function holdsResource({ resources = [], child_modules: modules = [] }: StateModule = {}): boolean {
  return resources.some(({ mode }) => mode === "managed") || modules.some(holdsResource);
}

function parse(file: string): PlanJson {
  let plan: PlanJson | null;
  try {
    plan = JSON.parse(readFileSync(file, "utf8")) as PlanJson | null;
  } catch (error) {
    throw new PlanError(
      `${file} cannot be read: ${(error as Error).message}: write it by terraform show -json plan.bin`,
    );
  }
  // The JSON of a state has no planned values.
  if (typeof plan?.format_version !== "string" || plan.planned_values === undefined) throw notAPlan(file);
  // Terraform raises the first number where an older reader would misread a plan.
  if (/^[01]\./.test(plan.format_version)) return plan;
  throw new PlanError(
    `${file} has the format ${plan.format_version} of plans, and this version reads 1: take a newer version of this package`,
  );
}

const notAPlan = (file: string, why = ""): PlanError =>
  new PlanError(`${file} is not the JSON of a plan: write it by terraform show -json plan.bin${why}`);

function managed(resources: readonly PlannedResource[] = []): ResourceChange[] {
  const newBuckets = new Set(
    resources
      .filter(({ type, change }) => type === "aws_s3_bucket" && change.actions.join() === "create")
      .map(({ change }) => change.after?.["bucket"]),
  );
  return resources.flatMap((resource) => {
    const { address, mode, deposed, action_reason: reason, change } = resource;
    const kind = kindOf(change);
    if (mode !== "managed" || kind === undefined) return [];
    const loses = kind === "destroy" || kind === "replace";
    const loss = lossOf(resource, loses, newBuckets);
    return [
      {
        address: deposed === undefined ? address : `${address} (deposed ${deposed})`,
        kind,
        attributes: attributesOf(resource, kind),
        ...(loses && reason !== undefined && { reason }),
        ...(loss !== undefined && { loss }),
      },
    ];
  });
}

function lossOf(
  { type, change }: PlannedResource,
  isDestroyed: boolean,
  newBuckets: ReadonlySet<unknown>,
): string | undefined {
  const { before, after } = change;
  return (
    (isDestroyed ? lossBy(type, before ?? {}) : undefined) ?? lossByChange(type, before ?? {}, after ?? {}, newBuckets)
  );
}

function kindOf({ actions, importing }: PlannedResource["change"]): ChangeKind | undefined {
  if (actions.includes("delete")) return actions.length > 1 ? "replace" : "destroy";
  if (actions.includes("forget")) return "forget";
  if (actions.includes("update")) return "update";
  if (actions.includes("create")) return "create";
  return importing === undefined ? undefined : "import";
}

function attributesOf({ type, change }: PlannedResource, kind: ChangeKind): AttributeChange[] {
  if (kind !== "update" && kind !== "replace") return [];
  const { before, after, replace_paths: paths = [] } = change;
  const forcing = new Set(paths.map(([name]) => String(name)));
  const all = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  const names = kind === "replace" ? forcing : [...all].filter((name) => differs(change, name));
  return [...names]
    .filter((name) => VOLATILE[type]?.includes(name) !== true)
    .sort()
    .map((name) => attributeOf(change, name));
}

const flag = (marks: Attributes | boolean | undefined, name: string): unknown =>
  typeof marks === "object" ? marks[name] : marks;

function differs({ before, after, after_unknown: unknown }: PlannedResource["change"], name: string): boolean {
  return (
    isMarked(flag(unknown, name)) || JSON.stringify(filled(before?.[name])) !== JSON.stringify(filled(after?.[name]))
  );
}

/** Marks are `true` for a whole value, and objects or lists of marks for parts of it. */
function isMarked(mark: unknown): boolean {
  return typeof mark === "object" && mark !== null ? Object.values(mark).some(isMarked) : mark === true;
}

function attributeOf(change: PlannedResource["change"], name: string): AttributeChange {
  const { before, after, before_sensitive: old, after_sensitive: next, after_unknown: unknown } = change;
  if (SECRET.test(name) || isMarked(flag(old, name)) || isMarked(flag(next, name))) return { name };
  if (isMarked(flag(unknown, name))) return { name };
  const from = scalar(before?.[name]);
  const to = scalar(after?.[name]);
  return from === undefined || to === undefined ? { name } : { name, before: from, after: to };
}

function scalar(value: unknown): string | undefined {
  if (value === null || value === undefined) return "null";
  const text = typeof value === "object" ? undefined : String(value);
  return text !== undefined && text.length <= MAX_VALUE ? text : undefined;
}
