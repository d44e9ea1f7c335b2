/** A mistake or a missing piece that a person can mend: its message is one line that says what to do. */
export class ToolError extends Error {
  public override readonly name = "ToolError";
}

/** Runs a tool's main function; a ToolError ends it with its one line, anything else is a fault of ours and shows all. */
export function runTool(main: () => Promise<void>): void {
  main().catch((error: unknown) => {
    console.error(error instanceof ToolError ? `Error: ${error.message}` : error);
    process.exitCode = 1;
  });
}
