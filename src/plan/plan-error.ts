/** A plan that cannot be read: one line that says what to do. */
export class PlanError extends Error {
  override readonly name = "PlanError";
}
