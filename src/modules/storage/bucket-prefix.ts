import type { IConstruct } from "constructs";
import { checkPattern } from "../common/checks";

/** A folder's key without a slash at its end; throws where it is none. */
export function checkPrefix(scope: IConstruct, prop: string, prefix: string): string {
  checkPattern(
    scope,
    prop,
    prefix,
    /^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*$/,
    "letters, digits, hyphens and underscores, with slashes only between them",
  );
  return prefix;
}
