import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A mistake or a missing piece that a person can mend: its message is one line that says what to do. */
export class LocalServerError extends Error {
  public override readonly name = "LocalServerError";
}

/**
 * Runs a command without a shell and returns what it printed.
 *
 * @throws LocalServerError in one line: the command and the last line that it wrote to standard error.
 */
export async function runCommand(
  command: string,
  args: string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<string> {
  try {
    const { stdout } = await run(command, args, {
      env: { ...process.env, ...environment },
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout;
  } catch (error) {
    const failure = error as NodeJS.ErrnoException & { stderr?: string };
    if (failure.code === "ENOENT") {
      throw new LocalServerError(
        `${command} is not on this machine: install it, or set MYSQL_URL to a server of yours`,
      );
    }
    const lastLine = (failure.stderr ?? failure.message).trim().split("\n").at(-1) ?? "";
    throw new LocalServerError(`${command} failed: ${lastLine.replace(/\s+/g, " ").slice(0, 300)}`);
  }
}
