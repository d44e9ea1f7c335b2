import type { IConstruct } from "constructs";

/**
 * The default name of a resource on AWS: the construct's path in lower case with hyphens, `prod-data-lake-backup`.
 * A name known at synth is needed where AWS derives another from it, as RDS and Glue do for their log groups.
 *
 * @param maxLength AWS's limit for the kind of resource, characters
 */
export function physicalName(construct: IConstruct, maxLength: number): string {
  const name = construct.node.path
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replace(/[^A-Za-z0-9]+/g, "-")
    .replace(/^[^A-Za-z]+/, "")
    .toLowerCase();
  return name.slice(0, maxLength).replace(/-+$/, "");
}
