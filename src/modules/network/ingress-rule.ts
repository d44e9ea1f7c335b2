import type { Construct, IConstruct } from "constructs";
import { TerraformStack, Token, Tokenization } from "cdktf";
import type { VpcSecurityGroupIngressRuleConfig } from "@cdktf/provider-aws/lib/vpc-security-group-ingress-rule";
import { VpcSecurityGroupIngressRule } from "@cdktf/provider-aws/lib/vpc-security-group-ingress-rule";
import { checkPattern } from "../common/checks";
import { terraformLiteral } from "../common/expression";
import { physicalName } from "../common/physical-name";
import { ValidationError } from "../common/validation-error";

/** A way into a security group, and its source. */
interface IngressRule extends Pick<
  VpcSecurityGroupIngressRuleConfig,
  "cidrIpv4" | "referencedSecurityGroupId" | "securityGroupId"
> {
  /** The TCP port. */
  readonly port: number;
  /** Name of the source; it tells the rules of a group apart, and their addresses in the state. */
  readonly description: string;
  /**
   * The construct that connects.
   * @default - the stack that made the referenced group
   */
  readonly caller?: Construct;
}

/**
 * Adds an ingress rule to the security group of `owner`, named by its description. It belongs to the owner where the source is
 * of the same stack. A source of another stack has the rule, since its stack reads the owner's and not the other way
 * round.
 */
export function addIngressRule(owner: Construct, { port, caller, ...rule }: IngressRule): void {
  const { description, referencedSecurityGroupId = "" } = rule;
  checkPattern(
    owner,
    "the security group of a connection",
    rule.referencedSecurityGroupId,
    /^(\d{12}\/)?sg-[0-9A-Za-z-]+$/,
    "an id such as sg-0123456789abcdef0",
  );
  if (Token.isUnresolved(description)) {
    throw new ValidationError(owner, "who may connect must be known at synth: it names the rule, got a token");
  }
  checkPattern(
    owner,
    "the description of a connection",
    (description as string | undefined) ?? "",
    /^[A-Za-z0-9 ._:/()#,@[\]+=&;{}!$*-]{1,255}$/,
    "1 to 255 letters, digits, spaces and ._-:/()#,@[]+=&;{}!$* as EC2 takes them",
  );
  const stack = TerraformStack.of(owner);
  const source: IConstruct | undefined = caller ?? stackOfToken(referencedSecurityGroupId);
  const scope = source !== undefined && TerraformStack.of(source) !== stack ? (source as Construct) : owner;
  const name = description.replace(/[^A-Za-z0-9]+/g, "-");
  const id = scope === owner ? `Ingress-${name}` : `Ingress-${physicalName(owner, 200)}-${name}`;
  if (scope.node.tryFindChild(id)) {
    throw new ValidationError(
      owner,
      `connections from "${description}" are allowed twice: give each source its own description`,
    );
  }
  new VpcSecurityGroupIngressRule(scope, id, {
    ...rule,
    description: terraformLiteral(description),
    ipProtocol: "tcp",
    fromPort: port,
    toPort: port,
  });
}

/**
 * The stack of the resource that a text refers to; undefined where the text is no single reference. cdktf keeps it with
 * each reference, to find the references between stacks, and gives it to nobody.
 */
function stackOfToken(text: string): TerraformStack | undefined {
  const { tokens, literals } = Tokenization.reverseString(text);
  const [token] = tokens as unknown[] as { originStack?: TerraformStack }[];
  return tokens.length === 1 && literals.length === 0 ? token?.originStack : undefined;
}
