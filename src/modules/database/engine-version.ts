import type { IConstruct } from "constructs";
import { Fn, type IResolvable, Op, Token } from "cdktf";
import { checkPattern } from "../common/checks";
import { ValidationError } from "../common/validation-error";

/** The version of an instance whose props name none. */
export const DEFAULT_ENGINE_VERSION = "8.4";

/** Throws unless RDS can have the version, and keep it where it upgrades by itself. */
export function checkEngineVersion(
  scope: IConstruct,
  engineVersion = DEFAULT_ENGINE_VERSION,
  autoMinorVersionUpgrade?: boolean,
): void {
  checkPattern(
    scope,
    "engineVersion",
    engineVersion,
    /^(8\.0|8\.4|9\.\d{1,2})(\.\d{1,3})?$/,
    "8.0, 8.4 or 9.<number>, alone or with a third number",
  );
  if (autoMinorVersionUpgrade !== true || hasTwoNumbers(engineVersion) !== false) return;
  throw new ValidationError(
    scope,
    `autoMinorVersionUpgrade must be left out with three numbers, got engineVersion "${engineVersion}": after an upgrade ` +
      "each plan would ask for a downgrade, which RDS refuses; name two",
  );
}

/** Tells a version whose third number RDS may raise without a change in Terraform: one that names none. */
export function hasTwoNumbers(engineVersion: string): boolean | IResolvable {
  if (!Token.isUnresolved(engineVersion)) return engineVersion.split(".").length === 2;
  return Op.eq(Fn.lengthOf(Fn.split(".", engineVersion)), 2);
}

/** The first two numbers of a version. */
export function majorEngineVersion(engineVersion: string): string {
  if (!Token.isUnresolved(engineVersion)) return engineVersion.split(".").slice(0, 2).join(".");
  return Fn.join(".", Fn.slice(Fn.split(".", engineVersion), 0, 2) as unknown as string[]);
}

/** The family of parameter groups for a version, such as `mysql8.4`. */
export function parameterGroupFamily(engineVersion: string): string {
  const version = majorEngineVersion(engineVersion);
  return Token.isUnresolved(version) ? Fn.join("", ["mysql", version]) : `mysql${version}`;
}
