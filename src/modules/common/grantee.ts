import type { PolicyStatement } from "./policy-document";

/** A role or a user, made here or elsewhere, that can be given rights. */
export interface IGrantee {
  /** Adds a statement to its own inline policy. */
  addToPolicy(statement: PolicyStatement): void;
}
