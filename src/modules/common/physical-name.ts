import { createHash } from "node:crypto";
import type { IConstruct } from "constructs";

/** Characters that tell cut names apart. */
const HASH_LENGTH = 8;

/**
 * The default name of a resource on AWS: the construct's path in lower case with hyphens, `prod-data-lake-backup`.
 * One that is too long is cut, and ends with a hash of the path. A name known at synth is needed where AWS derives
 * another from it, as RDS and Glue do for their log groups.
 *
 * @param maxLength AWS's limit for the kind of resource, characters
 */
export function physicalName(construct: IConstruct, maxLength: number): string {
  const name = construct.node.path
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replace(/[^A-Za-z0-9]+/g, "-")
    .replace(/^[^A-Za-z]+/, "")
    .toLowerCase();
  if (name.length <= maxLength) return name.replace(/-+$/, "");
  const hash = createHash("sha256").update(construct.node.path).digest("hex").slice(0, HASH_LENGTH);
  return `${name.slice(0, maxLength - HASH_LENGTH - 1).replace(/-+$/, "")}-${hash}`;
}
