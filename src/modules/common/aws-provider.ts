import type { IConstruct } from "constructs";
import { Annotations, Aspects, type TerraformMetaArguments, TerraformStack, Token } from "cdktf";
import { checkProps } from "./checks";
import { setNamePath } from "./physical-name";
import { chinaFault, regionFault } from "./rds-authorities";
import { ValidationError } from "./validation-error";

/** Properties of every construct that makes AWS resources. */
export interface AwsConstructProps {
  /**
   * The path that default names derive from, of the construct and of all in it: the old path of a construct that moved, or
   * one that tells a copy from another.
   * @default - the construct's path
   */
  readonly namePath?: string;
  /**
   * The AWS provider of all that the construct makes, as where a stack has one for each region.
   * @default - the provider of the construct around it, then the stack's AWS provider without an alias
   */
  readonly provider?: TerraformMetaArguments["provider"];
}

/** An AWS resource, data source or ephemeral resource, before it is written. */
type AwsElement = IConstruct & {
  readonly terraformResourceType?: string;
  readonly alias?: string;
  readonly region?: string;
  provider?: AwsConstructProps["provider"];
};

const providers = new WeakMap<IConstruct, AwsConstructProps["provider"]>();

/**
 * Gives the provider to every AWS element below a construct that has none of its own, also to one that is added later, and the
 * path to every default name.
 */
export function applyAwsProps(scope: IConstruct, props: AwsConstructProps): void {
  checkProps(scope.node.scope ?? scope, scope.node.id, props);
  const { namePath, provider } = props;
  if (namePath !== undefined) setNamePath(scope, namePath);
  if (provider !== undefined) {
    providers.set(scope, provider);
    Aspects.of(scope).add({
      visit: (node: AwsElement) => {
        if (node.terraformResourceType?.startsWith("aws_")) node.provider ??= nearestProvider(node);
      },
    });
  }
  Aspects.of(scope).add({ visit: warnWithoutProvider });
  const region = awsRegion(scope);
  const fault = region === undefined ? undefined : chinaFault(region);
  if (fault !== undefined) throw new ValidationError(scope, fault);
}

const warned = new WeakSet<TerraformStack>();

/** Warns once in a stack of an AWS element that would get the provider without an alias, which the stack does not have. */
function warnWithoutProvider(node: AwsElement): void {
  if (!node.terraformResourceType?.startsWith("aws_") || (node.provider ?? nearestProvider(node)) !== undefined) return;
  const stack = TerraformStack.of(node);
  if (warned.has(stack) || stackProvider(stack) !== undefined) return;
  warned.add(stack);
  Annotations.of(node).addWarning(
    "this stack has no AWS provider without an alias: Terraform would take region and account from its environment; give " +
      "the construct a provider",
  );
}

/** Throws where RDS signs with an authority that the package does not ship; at synth where the provider is made later. */
export function checkRdsAuthority(scope: IConstruct): void {
  const faults = (): string[] => {
    const region = awsRegion(scope);
    const fault = region === undefined ? undefined : regionFault(region);
    return fault === undefined ? [] : [fault];
  };
  for (const fault of faults()) throw new ValidationError(scope, fault);
  scope.node.addValidation({ validate: faults });
}

/** The region of what a construct makes, where it is known at synth. */
export function awsRegion(scope: IConstruct): string | undefined {
  const provider: AwsElement | undefined = nearestProvider(scope) ?? stackProvider(TerraformStack.of(scope));
  return Token.isUnresolved(provider?.region) ? undefined : provider?.region;
}

/** The stack's AWS provider without an alias. */
function stackProvider(stack: TerraformStack): AwsElement | undefined {
  const elements: AwsElement[] = stack.node.findAll();
  return elements.find(({ terraformResourceType, alias }) => terraformResourceType === "aws" && alias === undefined);
}

function nearestProvider(node: IConstruct): AwsConstructProps["provider"] {
  const scope = [...node.node.scopes].reverse().find((candidate) => providers.has(candidate));
  return scope === undefined ? undefined : providers.get(scope);
}
