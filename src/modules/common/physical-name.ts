import { createHash } from "node:crypto";
import type { IConstruct } from "constructs";
import { terraformLiteral } from "./expression";

/** Characters that tell cut names apart. */
const HASH_LENGTH = 8;

const namePaths = new WeakMap<IConstruct, string>();

/** Lets the default names of a construct and of what is below it derive from a path that is not its own. */
export function setNamePath(construct: IConstruct, path: string): void {
  namePaths.set(construct, path);
}

/** The path that default names derive from: the construct's own, or the one that it or a construct around it was given. */
export function namePath(construct: IConstruct): string {
  const { scopes } = construct.node;
  const index = scopes.map((scope) => namePaths.has(scope)).lastIndexOf(true);
  const named = scopes[index];
  if (named === undefined) return construct.node.path;
  return [namePaths.get(named), ...scopes.slice(index + 1).map(({ node }) => node.id)].join("/");
}

/**
 * The default name of a resource on AWS: the construct's path in lower case with hyphens, `prod-data-lake-backup`.
 * One that is too long is cut, and ends with a hash of the path; so does one that has no letter. A name known at synth is
 * needed where AWS derives another from it, as RDS and Glue do for their log groups.
 *
 * @param maxLength AWS's limit for the kind of resource, characters
 */
export function physicalName(construct: IConstruct, maxLength: number): string {
  const path = namePath(construct);
  const name = path
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replace(/[^A-Za-z0-9]+/g, "-")
    .replace(/^[^A-Za-z]+/, "")
    .toLowerCase();
  const hash = createHash("sha256").update(path).digest("hex").slice(0, HASH_LENGTH);
  if (name === "") return `x-${hash}`;
  if (name.length <= maxLength) return name.replace(/-+$/, "");
  return `${name.slice(0, maxLength - HASH_LENGTH - 1).replace(/-+$/, "")}-${hash}`;
}

/** The default name of a security group: EC2 takes none that begins as its ids do. */
export function securityGroupName(construct: IConstruct, maxLength = 255): string {
  const name = physicalName(construct, maxLength);
  return name.startsWith("sg-") ? `group-${name}`.slice(0, 255) : name;
}

/** A text that names a construct by its path, as EC2 takes descriptions: other characters are replaced, and a hash is added. */
export function ec2Description(kind: string, construct: IConstruct): string {
  const path = namePath(construct);
  const text = path
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[^A-Za-z0-9 ._:/()#,@[\]+=&;{}!$*-]/g, "-");
  const whole = `${kind} ${text}`;
  if (text === path && whole.length <= 255) return whole;
  const hash = createHash("sha256").update(path).digest("hex").slice(0, HASH_LENGTH);
  return `${whole.slice(0, 255 - HASH_LENGTH - 3)} (${hash})`;
}

/** The path as text of a description or a tag, in which nothing is an expression. */
export function pathText(construct: IConstruct): string {
  return terraformLiteral(namePath(construct));
}
