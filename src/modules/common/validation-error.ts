import type { IConstruct } from "constructs";

const VALIDATION_ERROR = Symbol.for("cdktf-xray-data-lake/ValidationError");

/** A prop or an environment that cannot work: one line that names the construct, the value got and what is allowed. */
export class ValidationError extends Error {
  /** Tells a ValidationError, also one thrown by another copy of this package. */
  static isValidationError(x: unknown): x is ValidationError {
    return typeof x === "object" && x !== null && VALIDATION_ERROR in x;
  }

  constructor(scope: IConstruct, message: string) {
    super(`${scope.node.path}: ${message}`);
    this.name = "ValidationError";
    Object.defineProperty(this, VALIDATION_ERROR, { value: true });
  }
}
