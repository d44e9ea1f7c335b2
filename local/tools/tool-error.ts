/** A mistake or a missing piece that a person can mend: its message is one line that says what to do. */
export class ToolError extends Error {
  public override readonly name = "ToolError";
}
