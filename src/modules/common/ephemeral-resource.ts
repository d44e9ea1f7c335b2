import type { Construct } from "constructs";
import { ref, TerraformElement, type TerraformMetaArguments, Token } from "cdktf";
import { deepMerge } from "cdktf/lib/util";
import { writeBesideHcl } from "./beside-hcl";
import { checkProps } from "./checks";

/** Properties of {@link EphemeralResource}. */
export interface EphemeralResourceProps {
  /** Terraform's type of the ephemeral resource, for example `aws_secretsmanager_secret_version`. */
  readonly type: string;
  /** Arguments in Terraform's own spelling (snake_case); tokens are allowed, also those of another stack. */
  readonly arguments: Record<string, unknown>;
  /**
   * The provider that reads it.
   * @default - that of the construct around it, then the stack's provider without an alias
   */
  readonly provider?: TerraformMetaArguments["provider"];
}

/**
 * An ephemeral resource: read anew by each plan and apply, and never written to a state or a plan file.
 *
 * cdktf 0.21 has none of its own. As an element of the stack it gets its tokens resolved like any other, cross-stack
 * references included. `cdktf synth --hcl` leaves a block that it does not know out of `cdk.tf`; there the block goes
 * into a `.tf.json` file beside it, and Terraform reads the two together.
 *
 * @see https://developer.hashicorp.com/terraform/language/block/ephemeral (Terraform >= 1.10)
 */
export class EphemeralResource extends TerraformElement {
  /** As the generated resources have it: an aspect can set it. */
  provider?: TerraformMetaArguments["provider"];
  /** Terraform's type of the ephemeral resource. */
  readonly terraformResourceType: string;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: EphemeralResourceProps,
  ) {
    checkProps(scope, id, props);
    super(scope, id, `ephemeral.${props.type}`);
    this.provider = props.provider;
    this.terraformResourceType = props.type;
    writeBesideHcl(this);
  }

  /**
   * A reference to an attribute. Terraform takes it only where nothing is stored: in a provider block, in a write-only
   * argument, in another ephemeral resource.
   *
   * @param name the attribute in Terraform's own spelling, for example `secret_string`
   */
  attribute(name: string): string {
    return Token.asString(ref(`ephemeral.${this.props.type}.${this.friendlyUniqueId}.${name}`, this.cdktfStack));
  }

  /** The block in Terraform's JSON. */
  override toTerraform(): unknown {
    const block = { ...this.props.arguments, provider: this.provider?.fqn };
    return { ephemeral: { [this.props.type]: { [this.friendlyUniqueId]: deepMerge(block, this.rawOverrides) } } };
  }
}
