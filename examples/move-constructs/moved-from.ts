// Keeps the resources of a construct that has moved into another scope: a `moved` block for each.
import { App, TerraformResource, TerraformStack } from "cdktf";
import type { IConstruct } from "constructs";
import { Construct } from "constructs";

/** Tells Terraform the path that a construct had in its stack, ids without the stack's own. */
export function movedFrom(construct: Construct, ...path: string[]): void {
  // An address derives from the path in the stack: the same path in an empty stack gives the old address.
  const before = new TerraformStack(new App(), "before");
  for (const resource of construct.node.findAll().filter(TerraformResource.isTerraformResource)) {
    const below = resource.node.scopes.slice(construct.node.scopes.length).map(({ node }) => node.id);
    const scope = [...path, ...below.slice(0, -1)].reduce<IConstruct>(
      (outer, id) => outer.node.tryFindChild(id) ?? new Construct(outer as Construct, id),
      before,
    ) as Construct;
    const { terraformResourceType } = resource;
    const old = new TerraformResource(scope, resource.node.id, { terraformResourceType });
    resource.moveFromId(`${terraformResourceType}.${old.friendlyUniqueId}`);
  }
}
