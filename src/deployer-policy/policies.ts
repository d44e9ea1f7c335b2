import { DeployerPolicyError } from "./deployer-policy-error";
import { COPY_OF_STATE_RIGHTS, type Right, RIGHTS, STATE_RIGHTS, WITHOUT_RIGHTS } from "./rights";
import type { Block, SynthesizedStack } from "./synthesized-stack";

/** A statement of an IAM policy. */
export interface Statement {
  /** Nothing is denied: what is not allowed is. */
  readonly Effect: "Allow";
  /** Actions, sorted. */
  readonly Action: readonly string[];
  /** ARNs, sorted. */
  readonly Resource: readonly string[];
  /**
   * Its conditions.
   * @default - none
   */
  readonly Condition?: Condition;
}

type Condition = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** A document of an IAM policy. */
export interface PolicyDocument {
  /** The language's version. */
  readonly Version: "2012-10-17";
  /** Its statements. */
  readonly Statement: readonly Statement[];
}

/** Characters, without white space, of a managed policy: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html */
export const MAX_POLICY_CHARACTERS = 6_144;
/** Managed policies of one role or user, as AWS sets it at first. */
export const MAX_POLICIES = 10;

/** Values for the braces of a right's ARNs. */
type Texts = Readonly<Record<string, readonly string[]>>;

/**
 * Policies that let somebody deploy, change and destroy the stacks, open their tunnels and start their jobs.
 *
 * @throws DeployerPolicyError where a type of resource is not known, or the policies are too many for one role
 */
export function deployerPolicies(stacks: readonly SynthesizedStack[]): PolicyDocument[] {
  const rights = new RightsByAction();
  const unknown = new Set<string>();
  for (const stack of stacks) {
    const texts = textsOf(stack, stacks);
    for (const { type, block } of stack.resources) {
      if (!/^(data\.|ephemeral\.)?aws_/.test(type) || WITHOUT_RIGHTS.has(type)) continue;
      const known = RIGHTS[type];
      if (known === undefined) unknown.add(type);
      const name = known?.name === undefined ? [] : namesOf(stack, block, known.name, texts, stacks);
      const key = [shorten(stack.nameOf(block, "key"), stacks)];
      for (const right of known?.rights ?? [])
        if (isNeeded(right, block)) rights.add(right, stack, { ...texts, name, key });
    }
    const bucket = stacks.find(({ state }) => state !== undefined)?.state?.bucket;
    if (bucket === undefined) continue;
    const state = { ...texts, bucket: [bucket], key: [stack.state?.key ?? `terraform.${stack.name}.tfstate`] };
    for (const right of stack.state === undefined ? COPY_OF_STATE_RIGHTS : STATE_RIGHTS)
      rights.add(right, stack, state);
  }
  if (unknown.size > 0) {
    throw new DeployerPolicyError(
      `the rights to ${[...unknown].join(", ")} are not known: take them out of the stack, or write a policy by hand`,
    );
  }
  const documents = intoDocuments(rights.statements());
  if (documents.length <= MAX_POLICIES) return documents;
  throw new DeployerPolicyError(
    `a role has at most ${MAX_POLICIES} managed policies, got ${documents.length}: name fewer stacks`,
  );
}

/** A right that concerns the deletion of a resource is not needed where Terraform refuses to delete it. */
function isNeeded({ when }: Right, block: Block): boolean {
  if (when === undefined) return true;
  const lifecycle = block["lifecycle"] as { prevent_destroy?: boolean } | undefined;
  if (lifecycle?.prevent_destroy === true) return false;
  return when === "deleted" || block["force_destroy"] === true;
}

/** Names that rights to other resources contain. */
function textsOf(stack: SynthesizedStack, stacks: readonly SynthesizedStack[]): Texts {
  const names = (type: string, attribute = "name", of: readonly SynthesizedStack[] = [stack]): string[] =>
    of.flatMap((one) =>
      one.resources
        .filter((resource) => resource.type === type)
        .map(({ block }) => shorten(one.nameOf(block, attribute), stacks)),
    );
  const masters = stacks.some(({ resources }) => resources.some(({ type }) => type === "aws_db_instance"));
  return {
    region: [stack.region],
    roles: names("aws_iam_role"),
    option_groups: names("aws_db_option_group"),
    parameter_groups: names("aws_db_parameter_group"),
    subnet_groups: names("aws_db_subnet_group"),
    secrets: [...names("aws_secretsmanager_secret", "name", stacks), ...(masters ? ["rds!db-*"] : [])],
  };
}

/** A secret of another stack is one of the secrets that the stacks have. */
function namesOf(
  stack: SynthesizedStack,
  block: Block,
  attribute: string,
  texts: Texts,
  stacks: readonly SynthesizedStack[],
): readonly string[] {
  const name = stack.nameOf(block, attribute);
  if (attribute === "secret_id" && name === "*") return texts["secrets"] ?? [];
  return [shorten(name, stacks)];
}

/** `dev-data-lake-backup-eu-central-1` becomes `dev-data-lake-*`: what begins with a stack's name is the stack's. */
function shorten(name: string, stacks: readonly SynthesizedStack[]): string {
  for (const stack of stacks) {
    const words = stack.name.replaceAll(/[^a-zA-Z0-9]/g, "[-_]");
    const own = new RegExp(`^(.*?(?<![a-zA-Z0-9])${words}[-_/])`).exec(name)?.[1];
    if (own !== undefined) return `${own}*`;
  }
  return name;
}

/** Rights, collected by their conditions and actions. */
class RightsByAction {
  private readonly arns = new Map<string, Map<string, Set<string>>>();

  add(right: Right, stack: SynthesizedStack, texts: Texts): void {
    const condition = JSON.stringify(conditionOf(right, stack));
    const byAction = this.arns.get(condition) ?? new Map<string, Set<string>>();
    this.arns.set(condition, byAction);
    for (const action of right.actions) {
      const arns = byAction.get(action) ?? new Set();
      byAction.set(action, arns);
      for (const arn of right.on.flatMap((pattern) => arnsOf(pattern, stack, texts))) arns.add(arn);
    }
  }

  /** One statement for each set of resources and conditions. */
  statements(): Statement[] {
    const statements: Statement[] = [];
    for (const [condition, byAction] of this.arns) {
      const byResources = new Map<string, string[]>();
      for (const [action, arns] of byAction) {
        const resources = JSON.stringify(withoutCovered([...arns]).sort());
        byResources.set(resources, [...(byResources.get(resources) ?? []), action]);
      }
      for (const [resources, actions] of byResources) {
        const Condition = JSON.parse(condition) as Condition;
        statements.push({
          Effect: "Allow",
          Action: actions.sort(),
          Resource: JSON.parse(resources) as string[],
          ...(Object.keys(Condition).length > 0 && { Condition }),
        });
      }
    }
    return statements.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }
}

function arnsOf(pattern: string, { region }: SynthesizedStack, texts: Texts): string[] {
  if (pattern === "*") return ["*"];
  let arns = [`arn:${partitionOf(region)}:${pattern}`];
  for (const [name, values] of Object.entries(texts)) {
    arns = arns.flatMap((arn) =>
      arn.includes(`{${name}}`) ? values.map((value) => arn.replaceAll(`{${name}}`, value)) : [arn],
    );
  }
  return arns;
}

function withoutCovered(arns: string[]): string[] {
  return arns.filter(
    (arn) => !arns.some((other) => other !== arn && other.endsWith("*") && arn.startsWith(other.slice(0, -1))),
  );
}

function partitionOf(region: string): string {
  if (region.startsWith("cn-")) return "aws-cn";
  return region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
}

function conditionOf({ tagged, condition = {} }: Right, { region, tags }: SynthesizedStack): Condition {
  const suffix = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  const all: Record<string, Record<string, string>> = {};
  for (const [test, keys] of Object.entries(condition)) {
    all[test] = Object.fromEntries(
      Object.entries(keys).map(([key, value]) => [key, value.replace("{region}.amazonaws.com", `${region}.${suffix}`)]),
    );
  }
  if (tagged === undefined || Object.keys(tags).length === 0) return all;
  const prefix = tagged === "resource" ? "aws:ResourceTag" : "aws:RequestTag";
  const byTag = Object.fromEntries(Object.entries(tags).map(([tag, value]) => [`${prefix}/${tag}`, value]));
  return { ...all, StringEquals: { ...all["StringEquals"], ...byTag } };
}

/** As few documents as hold all statements in their order. */
function intoDocuments(statements: readonly Statement[]): PolicyDocument[] {
  const documents: Statement[][] = [[]];
  const asDocument = (Statement: Statement[]): PolicyDocument => ({ Version: "2012-10-17", Statement });
  for (const statement of statements) {
    const last = documents.at(-1) ?? [];
    if (JSON.stringify(asDocument([...last, statement])).length > MAX_POLICY_CHARACTERS && last.length > 0) {
      documents.push([statement]);
    } else last.push(statement);
  }
  return documents.map(asDocument);
}
