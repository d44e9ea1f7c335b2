import type { Construct } from "constructs";
import { Token } from "cdktf";
import type { VpcSecurityGroupIngressRuleConfig } from "@cdktf/provider-aws/lib/vpc-security-group-ingress-rule";
import { VpcSecurityGroupIngressRule } from "@cdktf/provider-aws/lib/vpc-security-group-ingress-rule";
import { checkPattern } from "../common/checks";
import { ValidationError } from "../common/validation-error";

/** What a security group lets in, and from where. */
interface IngressRule extends Pick<
  VpcSecurityGroupIngressRuleConfig,
  "cidrIpv4" | "referencedSecurityGroupId" | "securityGroupId"
> {
  /** The TCP port. */
  readonly port: number;
  /** Who it is; tells the rules of a group apart, and their addresses in the state. */
  readonly description: string;
}

/** Adds an ingress rule below `scope`, named by its description. */
export function addIngressRule(scope: Construct, { port, ...rule }: IngressRule): void {
  const { description } = rule;
  if (Token.isUnresolved(description)) {
    throw new ValidationError(scope, "who may connect must be known at synth: it names the rule, got a token");
  }
  checkPattern(
    scope,
    "the description of a connection",
    description,
    /^[A-Za-z0-9 ._:/()#,@[\]+=&;{}!$*-]{1,255}$/,
    "1 to 255 letters, digits, spaces and ._-:/()#,@[]+=&;{}!$* as EC2 takes them",
  );
  const id = `Ingress-${description.replace(/[^A-Za-z0-9]+/g, "-")}`;
  if (scope.node.tryFindChild(id)) {
    throw new ValidationError(
      scope,
      `connections from "${description}" are allowed twice: give each source its own description`,
    );
  }
  new VpcSecurityGroupIngressRule(scope, id, { ...rule, ipProtocol: "tcp", fromPort: port, toPort: port });
}
