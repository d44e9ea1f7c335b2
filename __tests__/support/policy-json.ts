import type { Block } from "./synth";

/** The account of the stack; nothing of it is known before an apply. */
export const OWN_ACCOUNT = "123456789012";

/** Parts of ARNs that a stack takes from its own resources, as `arnScope` does. */
const VALUES: readonly (readonly [RegExp, string])[] = [
  [/\$\{element\(split\(":", [^)]*\), 4\)\}/g, OWN_ACCOUNT],
  [/\$\{element\(split\(":", [^)]*\), 3\)\}/g, "eu-central-1"],
  [/\$\{element\(split\(":", [^)]*\), 1\)\}/g, "aws"],
  [/\$\{[^}]*\bdata\.aws_region\.[^}]*\}/g, "eu-central-1"],
];

interface Statement {
  readonly actions: string[];
  readonly condition?: readonly { readonly test: string; readonly variable: string; readonly values: string[] }[];
  readonly effect?: string;
  readonly principals?: readonly { readonly type: string; readonly identifiers: string[] }[];
  readonly not_resources?: string[];
  readonly resources?: string[];
}

/**
 * The IAM policy that the provider makes of the statements of an `aws_iam_policy_document`; `values` are those of the
 * stack's other expressions.
 */
export function policyJson(statements: Block[], values: Record<string, string> = {}): object {
  const fill = (text: string): string =>
    VALUES.reduce(
      (filled, [expression, value]) => filled.replace(expression, value),
      Object.entries(values).reduce((filled, [expression, value]) => filled.replaceAll(expression, value), text),
    ).replace(/&\{/g, "${");
  return {
    Version: "2012-10-17",
    Statement: (statements as unknown as Statement[]).map(
      ({ actions, condition, effect, not_resources: except, principals, resources }) => ({
        Effect: effect ?? "Allow",
        Action: actions,
        ...(resources && { Resource: resources.map(fill) }),
        ...(except && { NotResource: except.map(fill) }),
        ...(principals && { Principal: principalJson(principals) }),
        ...(condition && { Condition: conditionJson(condition, fill) }),
      }),
    ),
  };
}

function principalJson(principals: NonNullable<Statement["principals"]>): object | string {
  if (principals.some(({ type }) => type === "*")) return "*";
  return Object.fromEntries(principals.map(({ type, identifiers }) => [type, identifiers]));
}

function conditionJson(conditions: NonNullable<Statement["condition"]>, fill: (text: string) => string): object {
  const operators: Record<string, Record<string, string[]>> = {};
  for (const { test, variable, values } of conditions) {
    operators[test] = { ...operators[test], [variable]: values.map(fill) };
  }
  return operators;
}
