/** The work that a command's arguments ask for; it answers with the exit code. */
export type Work = () => number | Promise<number>;

/** A command of this package. */
export interface Command {
  /** The text of `--help`, which also follows the error about arguments that are not understood. */
  readonly usage: string;
  /** The name of errors whose message tells the user everything. Any other error is a fault of this package: it keeps its stack. */
  readonly errorName: string;
  /** Reads the arguments; throws an error for those that are not understood. */
  readonly read: (args: string[]) => Work | "help";
}

/** Runs the command of this process; its exit code is 1 for an error of the command's name, 2 for arguments that are not understood. */
export async function runCommand(command: Command): Promise<void> {
  process.exitCode = await exitCodeOf(command);
}

async function exitCodeOf({ usage, errorName, read }: Command): Promise<number> {
  let work;
  try {
    work = read(process.argv.slice(2));
  } catch (error) {
    console.error(`error: ${(error as Error).message}\n\n${usage}`);
    return 2;
  }
  if (work === "help") {
    console.log(usage);
    return 0;
  }
  try {
    return await work();
  } catch (error) {
    if ((error as Error).name !== errorName) throw error;
    console.error(`error: ${(error as Error).message}`);
    return 1;
  }
}
