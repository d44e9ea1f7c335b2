import { endStarted, ownGroups } from "./started-processes";
import { ToolError } from "./tool-error";

/**
 * Runs a tool's main function. A ToolError ends it with its one line, anything else is a fault of ours and shows all. An
 * interrupt ends it and all that it started.
 */
export function runTool(main: () => Promise<void>): void {
  ownGroups.on = true;
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => void interrupt());
  main().catch((error: unknown) => {
    if (interrupted) return;
    console.error(error instanceof ToolError ? `Error: ${error.message}` : error);
    process.exitCode = 1;
  });
}

let interrupted = false;

async function interrupt(): Promise<void> {
  if (interrupted) return;
  interrupted = true;
  // A terminal that is gone must not keep the rest from being ended.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  const ended = await endStarted();
  const cursor = process.stdout.isTTY ? "\u001B[?25h" : "";
  console.log(`${cursor}\nInterrupted. ${ended.length > 0 ? `Stopped: ${ended.join(", ")}` : "Nothing was running"}`);
  process.exit(130);
}
