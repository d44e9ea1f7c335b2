const SCHEMA_ERROR = Symbol.for("cdktf-xray-data-lake/SchemaError");

/** A migration or a data model that cannot be used: one line that names the file and line, what was found and what to do. */
export class SchemaError extends Error {
  /** Tells a SchemaError, also one thrown by another copy of this package. */
  static isSchemaError(x: unknown): x is SchemaError {
    return typeof x === "object" && x !== null && SCHEMA_ERROR in x;
  }

  /**
   * @param message what was found and what to do
   * @param file name of the file, or its path
   * @param line line of the file, from 1
   */
  constructor(message: string, file: string, line?: number) {
    super(`${line === undefined ? file : `${file}:${line}`}: ${message}`);
    this.name = "SchemaError";
    Object.defineProperty(this, SCHEMA_ERROR, { value: true });
  }
}
