import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { localPath, repositoryRoot } from "./paths";
import { ToolError } from "./tool-error";

const lockFile = (command: string): string => localPath(`${command}.lock`);

/**
 * Keeps a second run of a command out of this folder until this process ends.
 *
 * @throws ToolError where the first is still at work
 */
export function lockRun(command: string): void {
  mkdirSync(localPath(), { recursive: true });
  refuseWhileRunning(command);
  rmSync(lockFile(command), { force: true });
  try {
    writeFileSync(lockFile(command), String(process.pid), { flag: "wx" });
  } catch {
    refuseWhileRunning(command); // another one was a moment faster
  }
  process.once("exit", () => rmSync(lockFile(command), { force: true }));
}

/** @throws ToolError while a run of the command holds this folder */
export function refuseWhileRunning(command: string): void {
  if (!existsSync(lockFile(command))) return;
  const pid = Number(readFileSync(lockFile(command), "utf8"));
  if (pid === process.pid || !runsHere(pid, command)) return;
  throw new ToolError(`make ${command} runs in this folder (process ${pid}): wait for its end, or stop it with Ctrl-C`);
}

/** A process id is used again by others: the command line and the folder tell whether it is still ours. */
function runsHere(pid: number, command: string): boolean {
  try {
    return (
      readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`commands/${command}.js`) &&
      readlinkSync(`/proc/${pid}/cwd`) === repositoryRoot
    );
  } catch {
    return false;
  }
}
