import { TerraformElement } from "cdktf";
import type { IConstruct } from "constructs";
import { ValidationError } from "./validation-error";

/** The key of the app's context under which cdktn looks for the versions that a project is for. */
const TARGET_VERSIONS = "targetVersions";

/** The first versions with write-only arguments, through which a password reaches no state. */
const WRITE_ONLY_ARGUMENTS = { terraform: ">=1.11.0", opentofu: ">=1.11.0" };

/** cdktn refuses write-only arguments to a project that does not say which versions it is for; cdktf knows no such setting. */
const isCdktn = "registerProviderFeatureUsage" in TerraformElement.prototype;

/**
 * Throws where cdktn would refuse write-only arguments because the project does not declare its versions. Versions that are
 * declared and too old are refused by cdktn itself.
 */
export function checkTargetVersions(scope: IConstruct): void {
  if (!isCdktn || scope.node.tryGetContext(TARGET_VERSIONS) !== undefined) return;
  throw new ValidationError(
    scope,
    `targetVersions must be declared, as cdktn asks for write-only arguments, got none: add ` +
      `"targetVersions": ${JSON.stringify(WRITE_ONLY_ARGUMENTS)} to cdktf.json, which only cdktn's command line reads, or to the context of the App`,
  );
}

/** Declares the versions for everything below `scope`, unless the project does. */
export function declareTargetVersions(scope: IConstruct): void {
  if (scope.node.tryGetContext(TARGET_VERSIONS) === undefined) {
    scope.node.setContext(TARGET_VERSIONS, WRITE_ONLY_ARGUMENTS);
  }
}
