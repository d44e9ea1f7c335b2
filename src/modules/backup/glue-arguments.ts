import type { IConstruct } from "constructs";
import { Token } from "cdktf";
import { checkInteger, checkOneOf } from "../common/checks";
import type { JobArgument, JobContract } from "../common/job-contract";
import { isGlueArgument } from "../common/job-contract";
import { ValidationError } from "../common/validation-error";

/** Job arguments by name, two hyphens included. */
export type GlueArguments = Record<string, string>;

const SECRET_LIKE = /passw|pwd|secret|token|credential|(api|private|access)[-_]?key/i;

/** Glue's own: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html */
const RESERVED = ["--debug", "--mode", "--JOB_NAME", "--endpoint", "--conf"];

/** Throws where a caller's argument is one that the construct or Glue sets, looks like a secret, or is none of the job's. */
export function checkArguments(
  scope: IConstruct,
  given: GlueArguments,
  managed: GlueArguments,
  contract: JobContract,
): void {
  if (Token.isUnresolved(given) || typeof given !== "object" || Array.isArray(given)) {
    const got = Token.isUnresolved(given) ? "a token" : JSON.stringify(given);
    throw new ValidationError(scope, `arguments must be texts by name, and the names known at synth, got ${got}`);
  }
  const taken = new Set([...RESERVED, ...Object.keys(managed)].map(spelling));
  const seen = new Set<string>();
  for (const [name, value] of Object.entries(given)) {
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
    if (typeof (value as unknown) !== "string") {
      throw new ValidationError(
        scope,
        `argument ${name} must be a text, as Glue passes it, got ${JSON.stringify(value)}`,
      );
    }
    if (seen.has(spelling(name))) throw new ValidationError(scope, `argument ${name} is given twice`);
    seen.add(spelling(name));
    const argument = contract.arguments[name.slice(2).replaceAll("-", "_")];
    if (argument?.fixed) {
      throw new ValidationError(scope, `argument ${name} is set by the construct or by Glue: leave it out`);
    }
    if (argument) checkValue(scope, name, value, argument);
    else if (!isGlueArgument(name.slice(2))) {
      const free = Object.keys(contract.arguments).filter(
        (other) => !contract.arguments[other]?.fixed && !taken.has(spelling(`--${other}`)),
      );
      throw new ValidationError(
        scope,
        `argument ${name} is none of ${contract.script}: it takes Glue's own and ${free.map((other) => `--${other}`).join(", ")}`,
      );
    }
  }
}

/** Throws unless `value` is in the range of the job's argument that it becomes. */
export function checkNumber(
  scope: IConstruct,
  prop: string,
  value: number | undefined,
  argument: JobArgument | undefined,
): void {
  checkInteger(scope, prop, value, argument?.minimum ?? 0, argument?.maximum ?? Number.MAX_SAFE_INTEGER);
}

function checkValue(scope: IConstruct, name: string, value: string, argument: JobArgument): void {
  if (Token.isUnresolved(value)) return;
  if (argument.choices) checkOneOf(scope, `argument ${name}`, value, argument.choices);
  if (argument.type !== "integer") return;
  // The text of a number token is its number; what else is not in digits, as `0x1`, is told as it was given.
  const inDigits = /^\d+$/.test(value) || Token.isUnresolved(Number(value));
  const number = inDigits ? Number(value) : (value as unknown as number);
  checkNumber(scope, `argument ${name}`, number, argument);
}

/** The jobs take `--ssl-mode` for `--ssl_mode`, so that the one would undo the other. */
function spelling(name: string): string {
  return name.replaceAll("_", "-").toLowerCase();
}
