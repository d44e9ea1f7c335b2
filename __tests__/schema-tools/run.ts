import { runCommand } from "../../local/tools/run-command";
import type { Run } from "./tool";

const ALL_CODES = Array.from({ length: 256 }, (_, code) => code);

/** Runs a command of a tool; how it ends is for the scenario to judge. */
export function run(command: string, args: string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Run> {
  return runCommand(command, args, { cwd, env: { ...process.env, ...env }, okCodes: ALL_CODES });
}
