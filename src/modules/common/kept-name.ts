import type { IConstruct } from "constructs";
import { type TerraformResource, Token } from "cdktf";
import { awsRegion } from "./aws-provider";
import { physicalName } from "./physical-name";

/**
 * Lets a resource keep the name that it was made with. A default name follows the construct's path, and Terraform would
 * replace a resource whose construct moved: a security group or a role that is in use, a topic with its subscriptions.
 */
export function keepNames(resource: TerraformResource, ...attributes: string[]): void {
  const { ignoreChanges = [] } = resource.lifecycle ?? {};
  resource.lifecycle = { ...resource.lifecycle, ignoreChanges: [...ignoreChanges, ...attributes] };
}

/** The default name of an IAM resource: IAM has one namespace for all regions, so that it ends with the region, where known. */
export function iamName(construct: IConstruct, maxLength: number, base?: string): string {
  const region = awsRegion(construct);
  const suffix = region === undefined ? "" : `-${region}`;
  if (base === undefined) return `${physicalName(construct, maxLength - suffix.length)}${suffix}`;
  return Token.isUnresolved(base) ? `${base}${suffix}` : `${base.slice(0, maxLength - suffix.length)}${suffix}`;
}
