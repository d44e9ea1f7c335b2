import type { Construct } from "constructs";
import {
  AnyMap,
  anyToHclTerraform,
  anyToTerraform,
  hashMapper,
  hashMapperHcl,
  type TerraformMetaArguments,
  TerraformResource,
} from "cdktf";

/** Properties of {@link TerraformData}. */
export interface TerraformDataProps {
  /** Values that the state keeps, by name. */
  readonly input: Record<string, unknown>;
  /**
   * A change of one makes the resource anew.
   * @default - none does
   */
  readonly triggersReplace?: Record<string, unknown>;
  /**
   * Terraform's `lifecycle`.
   * @default - none
   */
  readonly lifecycle?: TerraformMetaArguments["lifecycle"];
}

/**
 * Terraform's own resource `terraform_data`. cdktf's `DataResource` starts Terraform for its version, once for each resource at
 * each synth: a synth would take longer, and need Terraform on the machine.
 *
 * @see https://developer.hashicorp.com/terraform/language/resources/terraform-data
 */
export class TerraformData extends TerraformResource {
  /** The values as the state has them. */
  readonly output = new AnyMap(this, "output");

  constructor(
    scope: Construct,
    id: string,
    private readonly props: TerraformDataProps,
  ) {
    super(scope, id, {
      terraformResourceType: "terraform_data",
      terraformGeneratorMetadata: { providerName: "terraform" },
      lifecycle: props.lifecycle,
    });
  }

  protected override synthesizeAttributes(): Record<string, unknown> {
    return {
      input: hashMapper(anyToTerraform)(this.props.input) as unknown,
      triggers_replace: hashMapper(anyToTerraform)(this.props.triggersReplace) as unknown,
    };
  }

  protected override synthesizeHclAttributes(): Record<string, unknown> {
    return {
      input: hashMapperHcl(anyToHclTerraform)(this.props.input) as unknown,
      triggers_replace: hashMapperHcl(anyToHclTerraform)(this.props.triggersReplace) as unknown,
    };
  }
}
