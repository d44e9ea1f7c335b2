import type { ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

interface Started {
  readonly name: string;
  /** Leads a process group of its own. */
  readonly group: boolean;
}

/**
 * Gives each command a process group of its own, so that an interrupt ends the whole of it. Only a tool does that: a test's
 * commands stay in the test's group, and end with it.
 */
export const ownGroups = { on: false };

const PATIENCE_SECONDS = 10;
const started = new Map<ChildProcess, Started>();

/** Notes a process until its end, so that an interrupt can end it. */
export function noteStarted(child: ChildProcess, name: string, group = false): void {
  started.set(child, { name, group });
  for (const event of ["exit", "error"]) child.once(event, () => started.delete(child));
}

/** Ends every process that was noted and still runs, the newest first. Returns their names. */
export async function endStarted(): Promise<string[]> {
  const all = [...started].reverse();
  for (const [child, { group }] of all) signal(child, group, "SIGTERM");
  const deadline = Date.now() + PATIENCE_SECONDS * 1000;
  for (const [child, { group }] of all) {
    child.ref();
    while (started.has(child) && Date.now() < deadline) await sleep(50);
    if (started.has(child)) signal(child, group, "SIGKILL");
  }
  return all.map(([, { name }]) => name);
}

function signal(child: ChildProcess, group: boolean, name: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(group ? -child.pid : child.pid, name);
  } catch {
    // It has ended meanwhile.
  }
}
