import { Construct } from "constructs";
import { IamRole } from "@cdktf/provider-aws/lib/iam-role";
import { IamRolePolicy } from "@cdktf/provider-aws/lib/iam-role-policy";
import { Token } from "cdktf";
import { type AwsConstructProps, applyAwsProps } from "./aws-provider";
import { checkPattern } from "./checks";
import { terraformLiteral } from "./expression";
import type { IGrantee } from "./grantee";
import { iamName, keepNames } from "./kept-name";
import { physicalName } from "./physical-name";
import type { PolicyCondition, PolicyPrincipal, PolicyStatement } from "./policy-document";
import { PolicyDocument } from "./policy-document";

/** A role that can be given rights, made here or elsewhere. */
export interface IRole extends IGrantee {
  /** The role's name, without a path. */
  readonly roleName: string;
}

/** Properties of {@link Role}. */
export interface RoleProps extends AwsConstructProps {
  /** Principal that may assume the role. */
  readonly assumedBy: PolicyPrincipal;
  /**
   * Action that assumes it: `sts:AssumeRole`, or `sts:AssumeRoleWithWebIdentity` for a federated principal.
   * @default "sts:AssumeRole"
   */
  readonly assumeRoleAction?: string;
  /**
   * Conditions under which it may be assumed.
   * @default - always
   */
  readonly conditions?: PolicyCondition[];
  /**
   * Purpose of the role.
   * @default - no description
   */
  readonly description?: string;
  /**
   * The role's name: up to 64 letters, digits and `+=,.@_-`.
   * @default - the construct's path and the region
   */
  readonly roleName?: string;
}

abstract class RoleBase extends Construct implements IRole {
  abstract readonly roleName: string;

  private policy?: PolicyDocument;

  addToPolicy(statement: PolicyStatement): void {
    if (!this.policy) {
      this.policy = new PolicyDocument(this, "Policy");
      const inline = new IamRolePolicy(this, "InlinePolicy", {
        name: physicalName(this, 128),
        role: this.roleName,
        policy: this.policy.json,
      });
      keepNames(inline, "name");
    }
    this.policy.add(statement);
  }
}

/**
 * An IAM role with one inline policy that the `grant…` methods of the other constructs fill: what a role may do stands
 * in one place.
 */
export class Role extends RoleBase {
  /** A role that was made elsewhere; what is granted to it becomes an inline policy of its own. */
  static fromRoleName(scope: Construct, id: string, roleName: string): IRole {
    class Import extends RoleBase {
      readonly roleName = roleName;
    }
    const role = new Import(scope, id);
    checkRoleName(role, roleName);
    return role;
  }

  /** The generated resource, for what this construct does not model. */
  readonly resource: IamRole;
  /** The role's name, without a path. */
  readonly roleName: string;
  /** The role's ARN. */
  readonly roleArn: string;
  /**
   * The ARN as far as it is known at synth, with asterisks for partition and account.
   * @default - none, where `roleName` is known only after an apply
   */
  readonly roleArnPattern?: string;

  constructor(scope: Construct, id: string, props: RoleProps) {
    super(scope, id);
    applyAwsProps(this, props);
    checkRoleName(this, props.roleName);
    const trust = new PolicyDocument(this, "Trust", [
      {
        actions: [props.assumeRoleAction ?? "sts:AssumeRole"],
        principals: [props.assumedBy],
        conditions: props.conditions,
      },
    ]);
    const name = props.roleName ?? iamName(this, 64);
    if (!Token.isUnresolved(name)) this.roleArnPattern = `arn:*:iam::*:role/${name}`;
    this.resource = new IamRole(this, "Resource", {
      name,
      description: props.description === undefined ? undefined : terraformLiteral(props.description),
      assumeRolePolicy: trust.json,
    });
    if (props.roleName === undefined) keepNames(this.resource, "name");
    this.roleName = this.resource.name;
    this.roleArn = this.resource.arn;
  }
}

function checkRoleName(scope: Construct, roleName: string | undefined): void {
  checkPattern(scope, "roleName", roleName, /^[\w+=,.@-]{1,64}$/, "1 to 64 letters, digits and +=,.@_-");
}
