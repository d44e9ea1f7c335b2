import { Construct } from "constructs";
import { DataAwsIamPolicyDocument } from "@cdktf/provider-aws/lib/data-aws-iam-policy-document";

/** A condition of a {@link PolicyStatement}; all conditions of a statement must hold. */
export interface PolicyCondition {
  /** The operator, for example `StringEquals`. */
  readonly test: string;
  /** The condition key, for example `aws:SecureTransport`. */
  readonly variable: string;
  /** The values, one of which must match. */
  readonly values: string[];
}

/** Principals of a statement in a resource or trust policy. */
export interface PolicyPrincipal {
  /** `AWS`, `Service`, `Federated` or `*`. */
  readonly type: string;
  /** ARNs, service names or `*`. */
  readonly identifiers: string[];
}

/**
 * One statement of an IAM policy.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
 */
export interface PolicyStatement {
  /**
   * Purpose of the statement, in letters and digits only.
   * @default - no sid
   */
  readonly sid?: string;
  /**
   * `Allow` or `Deny`.
   * @default "Allow"
   */
  readonly effect?: string;
  /** For example `s3:GetObject`. */
  readonly actions: string[];
  /**
   * The ARNs that the actions apply to.
   * @default - the resource itself, as in a trust policy
   */
  readonly resources?: string[];
  /**
   * The ARNs that the actions do not apply to, in the place of `resources`.
   * @default - none
   */
  readonly notResources?: string[];
  /**
   * Principals of the statement; for resource and trust policies only.
   * @default - the identity that the policy is attached to
   */
  readonly principals?: PolicyPrincipal[];
  /**
   * Conditions under which the statement applies.
   * @default - always
   */
  readonly conditions?: PolicyCondition[];
}

/**
 * An IAM policy to which statements are added as the stack is built.
 *
 * It is a data source, not a JSON string: tokens in a serialised string would break the HCL output. It is computed by
 * the provider without a call to AWS.
 */
export class PolicyDocument extends Construct {
  private readonly resource: DataAwsIamPolicyDocument;
  private readonly statements: PolicyStatement[] = [];

  constructor(scope: Construct, id: string, statements: PolicyStatement[] = []) {
    super(scope, id);
    this.resource = new DataAwsIamPolicyDocument(this, "Resource");
    if (statements.length > 0) this.add(...statements);
  }

  /** The policy as JSON, known to Terraform at plan or apply. */
  get json(): string {
    return this.resource.json;
  }

  /** Adds statements after those already there; one that says what another does is left out. */
  add(...statements: PolicyStatement[]): void {
    const texts = new Set(this.statements.map((statement) => JSON.stringify(statement)));
    this.statements.push(...statements.filter((statement) => !texts.has(JSON.stringify(statement))));
    this.write();
  }

  /** Puts a statement in the place of the one with its sid. */
  replace(statement: PolicyStatement): void {
    const index = this.statements.findIndex(({ sid }) => sid === statement.sid);
    this.statements[index] = statement;
    this.write();
  }

  private write(): void {
    this.resource.putStatement(
      this.statements.map(({ conditions, notResources, resources, ...statement }) => ({
        ...statement,
        resources: resources?.map(policyText),
        notResources: notResources?.map(policyText),
        // An empty list would be written in JSON and not in HCL.
        condition: conditions?.length
          ? conditions.map(({ values, ...condition }) => ({ ...condition, values: values.map(policyText) }))
          : undefined,
      })),
    );
  }
}

/** IAM's variables as `${aws:username}`, which Terraform would read as an expression: its provider takes them with an ampersand. */
function policyText(text: string): string {
  return text.replace(/\$\{(?=[\w-]+:[\w-])/g, "&{");
}
