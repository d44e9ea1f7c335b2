/** A policy that cannot be made: one line that says what to do. */
export class DeployerPolicyError extends Error {
  override readonly name = "DeployerPolicyError";
}
