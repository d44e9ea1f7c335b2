import type { IConstruct } from "constructs";
import { ValidationError } from "../common/validation-error";

/** Job arguments by name, two hyphens included. */
export type GlueArguments = Record<string, string>;

const SECRET_LIKE = /passw|pwd|secret|token|credential|(api|private|access)[-_]?key/i;

/** Glue's own: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html */
const RESERVED = ["--debug", "--mode", "--JOB_NAME", "--endpoint", "--conf"];

/** Throws where a caller's argument is one that the construct or Glue sets, or looks like a secret. */
export function checkArguments(scope: IConstruct, given: GlueArguments, managed: GlueArguments): void {
  const taken = new Set([...RESERVED, ...Object.keys(managed)].map(spelling));
  for (const name of Object.keys(given)) {
    if (!/^--[A-Za-z][A-Za-z0-9_-]*$/.test(name)) {
      throw new ValidationError(
        scope,
        `argument ${JSON.stringify(name)} must be a name with two hyphens before it, as --name`,
      );
    }
    if (taken.has(spelling(name))) {
      throw new ValidationError(scope, `argument ${name} is set by the construct or by Glue: leave it out`);
    }
    if (SECRET_LIKE.test(name)) {
      throw new ValidationError(
        scope,
        `argument ${name} looks like a secret, and everybody with glue:GetJob can read arguments: keep it in Secrets Manager and read it at run time`,
      );
    }
  }
}

/** The jobs take `--ssl-mode` for `--ssl_mode`, so that the one would undo the other. */
function spelling(name: string): string {
  return name.replaceAll("_", "-").toLowerCase();
}
