import { readFileSync } from "node:fs";
import type { Construct } from "constructs";
import { Lazy } from "cdktf";
import { IamOpenidConnectProvider } from "@cdktf/provider-aws/lib/iam-openid-connect-provider";
import { IamPolicy } from "@cdktf/provider-aws/lib/iam-policy";
import { IamRolePolicyAttachment } from "@cdktf/provider-aws/lib/iam-role-policy-attachment";
import type { AwsConstructProps } from "../common/aws-provider";
import { checkList, checkPattern, checkProps } from "../common/checks";
import { arnScope, terraformLiteral } from "../common/expression";
import { iamName, keepNames } from "../common/kept-name";
import { physicalName } from "../common/physical-name";
import { Role } from "../common/role";
import { ValidationError } from "../common/validation-error";
import { type PlannedStack, planStatements } from "./planned-stack";

/** Properties of {@link GithubActionsRole}. */
export interface GithubActionsRoleProps extends AwsConstructProps {
  /**
   * The repository, `<owner>/<name>`. One with immutable subject claims, as repositories made since July 2026 have them, is
   * `<owner>@<owner's id>/<name>@<id>`.
   * @see https://docs.github.com/en/actions/reference/security/oidc
   */
  readonly repository: string;
  /** The environment of GitHub whose jobs may assume the role; its protection rules are the role's. */
  readonly environment: string;
  /**
   * ARN of the account's identity provider for GitHub Actions, of which AWS takes one.
   * @default - it is made
   */
  readonly openIdConnectProviderArn?: string;
  /**
   * Stacks that the role may plan. It can read no value of a secret and no object but their state.
   * @default - none
   */
  readonly plannedStacks?: readonly PlannedStack[];
  /**
   * Files of policies that the role gets, as `xray-deployer-policy` writes them.
   * @default - none
   */
  readonly policyFiles?: readonly string[];
  /**
   * The role's name: up to 64 letters, digits and `+=,.@_-`.
   * @default - the construct's path and the region
   */
  readonly roleName?: string;
}

const HOST = "token.actions.githubusercontent.com";
const AUDIENCE = "sts.amazonaws.com";
/** Managed policies of one role, as AWS sets it at first. */
const MAX_POLICIES = 10;

/** A policy of IAM. */
type Policy = {
  readonly Statement: readonly {
    readonly Effect?: string;
    readonly Action?: string | readonly string[];
    readonly Resource?: string | readonly string[];
  }[];
};

const listOf = (value: string | readonly string[] = []): readonly string[] =>
  typeof value === "string" ? [value] : value;

/** Actions that give a role rights, or let others in. */
const writesRoles = (action: string): boolean =>
  /^(\*|iam:(\*|(Attach|Put)RolePolicy|UpdateAssumeRolePolicy))$/i.test(action);

/** Names of roles that an ARN with wildcards is for. */
function namesOf(arn: string): RegExp {
  const name = arn.replace(/^.*:role\//, "").replaceAll(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${name.replaceAll("*", ".*").replaceAll("?", ".")}$`);
}

/**
 * The role of a repository's workflows: a job in one environment of GitHub logs in to AWS with an identity token, so that there
 * is no access key to lose. With `plannedStacks` it plans pull requests and reads no data; with `policyFiles` it deploys.
 *
 * @see https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws
 *
 * @example
 * new GithubActionsRole(this, "Plan", {
 *   repository: "acme/x-ray",
 *   environment: "prod-plan",
 *   plannedStacks: [{ stackName: "prod-data-lake", stateBucketName: "acme-xray-prod-state" }],
 * });
 */
export class GithubActionsRole extends Role {
  /** ARN of the identity provider, for the account's next role. */
  readonly openIdConnectProviderArn: string;

  constructor(scope: Construct, id: string, props: GithubActionsRoleProps) {
    checkProps(scope, id, props);
    const { environment, repository } = props;
    let providerArn = props.openIdConnectProviderArn;
    const equals = (claim: string, value: string) => ({
      test: "StringEquals",
      variable: `${HOST}:${claim}`,
      values: [value],
    });
    super(scope, id, {
      namePath: props.namePath,
      provider: props.provider,
      roleName: props.roleName,
      description: `GitHub Actions of ${repository}, environment ${environment}`,
      assumedBy: { type: "Federated", identifiers: [Lazy.stringValue({ produce: () => providerArn })] },
      assumeRoleAction: "sts:AssumeRoleWithWebIdentity",
      conditions: [equals("aud", AUDIENCE), equals("sub", `repo:${repository}:environment:${environment}`)],
    });
    this.check(props);
    providerArn ??= new IamOpenidConnectProvider(this, "Provider", {
      url: `https://${HOST}`,
      clientIdList: [AUDIENCE],
    }).arn;
    this.openIdConnectProviderArn = providerArn;
    const { plannedStacks = [], policyFiles = [] } = props;
    if (plannedStacks.length > 0) {
      for (const statement of planStatements(plannedStacks, arnScope(this.roleArn))) this.addToPolicy(statement);
    }
    policyFiles.forEach((file, index) => this.attachPolicy(file, `Policy-${index + 1}`));
  }

  private check({
    environment,
    openIdConnectProviderArn,
    plannedStacks,
    policyFiles,
    repository,
  }: GithubActionsRoleProps): void {
    checkPattern(
      this,
      "repository",
      repository,
      /^([A-Za-z0-9-]{1,39}\/[\w.-]{1,100}|[A-Za-z0-9-]{1,39}@\d+\/[\w.-]{1,100}@\d+)$/,
      "<owner>/<name> or <owner>@<owner's id>/<name>@<id>, without wildcards",
    );
    checkPattern(
      this,
      "environment",
      environment,
      /^[\w./-]{1,255}$/,
      "the name of an environment of GitHub: up to 255 letters, digits and ./_-, without wildcards",
    );
    checkPattern(
      this,
      "openIdConnectProviderArn",
      openIdConnectProviderArn,
      /^arn:[\w-]+:iam::\d{12}:oidc-provider\/token\.actions\.githubusercontent\.com$/,
      `the ARN of an identity provider, arn:aws:iam::<account>:oidc-provider/${HOST}`,
    );
    checkList(this, "plannedStacks", plannedStacks);
    checkList(this, "policyFiles", policyFiles);
    if (plannedStacks !== undefined && policyFiles !== undefined) {
      throw new ValidationError(
        this,
        "a role that plans cannot deploy: give plannedStacks or policyFiles, and make two roles",
      );
    }
    for (const { stackName, stateBucketName, stateKey, resourceNames = [] } of plannedStacks ?? []) {
      checkPattern(this, "stackName", stackName, /^[\w-]{2,}$/, "a stack's name: letters, digits, _ and -");
      checkPattern(
        this,
        "stateBucketName",
        stateBucketName,
        /^[a-z0-9.-]{3,63}$/,
        "a bucket's name, without wildcards",
      );
      checkPattern(this, "stateKey", stateKey, /^[^*?]{1,1000}$/, "an object's key, without wildcards");
      for (const name of resourceNames) {
        checkPattern(
          this,
          "resourceNames",
          name,
          /^[\w/.@+=-]{2,}$/,
          "names of at least two characters, without wildcards",
        );
      }
    }
    if (policyFiles !== undefined && policyFiles.length > MAX_POLICIES) {
      throw new ValidationError(this, `policyFiles must be at most ${MAX_POLICIES}, got ${policyFiles.length}`);
    }
  }

  private attachPolicy(file: string, id: string): void {
    const document = this.readPolicy(file);
    this.checkNotOwn(file, document);
    const policy = new IamPolicy(this, id, {
      name: iamName(this, 128, `${physicalName(this, 100)}-${id.toLowerCase()}`),
      policy: terraformLiteral(JSON.stringify(document)),
    });
    keepNames(policy, "name");
    new IamRolePolicyAttachment(this, `${id}-Attachment`, { role: this.roleName, policyArn: policy.arn });
  }

  /** A role that may change itself could trust others than the approved jobs, for good. */
  private checkNotOwn(file: string, { Statement }: Policy): void {
    const { roleArnPattern } = this;
    if (roleArnPattern === undefined) return; // A token is the name.
    const own = roleArnPattern.replace(/^.*:role\//, "");
    const found = Statement.filter(({ Effect, Action }) => Effect === "Allow" && listOf(Action).some(writesRoles))
      .flatMap(({ Resource }) => listOf(Resource))
      .find((pattern) => pattern === "*" || (pattern.includes(":role/") && namesOf(pattern).test(own)));
    if (found === undefined) return;
    throw new ValidationError(
      this,
      `policyFiles must not let the role change itself, got ${JSON.stringify(file)}, which may change ${found}: make the role ` +
        "in a stack whose name does not begin so, or give it another roleName",
    );
  }

  private readPolicy(file: string): Policy {
    try {
      const policy = JSON.parse(readFileSync(file, "utf8")) as Partial<Policy>;
      if (Array.isArray(policy.Statement)) return policy as Policy;
    } catch (error) {
      throw new ValidationError(
        this,
        `policyFiles must be files that xray-deployer-policy has written, got ${JSON.stringify(file)}: ${(error as Error).message}`,
      );
    }
    throw new ValidationError(
      this,
      `policyFiles must be policies of IAM, got ${JSON.stringify(file)} without a list Statement`,
    );
  }
}
