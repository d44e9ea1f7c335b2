import type { Construct } from "constructs";
import { DataAwsRegion } from "@cdktf/provider-aws/lib/data-aws-region";
import { Fn, Token } from "cdktf";

/**
 * Name of the provider's region, from the endpoint `ec2.<region>.amazonaws.com`: version 6 of the AWS provider deprecates `name` and
 * `id` for `region`, which version 5 does not have.
 */
export function regionName(scope: Construct): string {
  return Token.asString(Fn.element(Fn.split(".", new DataAwsRegion(scope, "Region").endpoint), 1));
}
