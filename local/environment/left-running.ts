import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { stopEmulator } from "../servers/aws/emulator";
import { stopServer } from "../servers/mysql/server";
import { localPath } from "../tools/paths";

/** Folder of the servers that `make demo` leaves running. */
export const serversFolder = localPath("run");
const processesFile = path.join(serversFolder, "processes.json");

/** Processes that `make demo` left running. */
export interface RunningEnvironment {
  /** Process id of the AWS emulator. */
  readonly emulatorPid: number;
}

/** Notes what is left running, so that `make down` finds it. */
export function noteRunning(running: RunningEnvironment): void {
  mkdirSync(path.dirname(processesFile), { recursive: true });
  writeFileSync(processesFile, JSON.stringify(running));
}

/** Ends what an earlier run left running and removes what it made; says what it ended. */
export async function takeDown(): Promise<string[]> {
  const ended: string[] = [];
  if (existsSync(processesFile)) {
    const { emulatorPid } = JSON.parse(readFileSync(processesFile, "utf8")) as RunningEnvironment;
    if (await stopEmulator(emulatorPid)) ended.push(`AWS emulator (process ${emulatorPid})`);
  }
  if (await stopServer(path.join(serversFolder, "mysql"))) ended.push("MySQL server");
  // The emulator keeps everything in memory, so the state of what was in it goes with it.
  for (const folder of [serversFolder, localPath("state")]) rmSync(folder, { recursive: true, force: true });
  rmSync(localPath("summary.json"), { force: true });
  return ended;
}
