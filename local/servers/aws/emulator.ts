import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import { localPath, repositoryRoot } from "../../tools/paths";
import { noteStarted } from "../../tools/started-processes";
import { ToolError } from "../../tools/tool-error";

/** A running AWS emulator on this machine. */
export interface Emulator {
  /** For example `http://127.0.0.1:5000`. */
  readonly url: string;
  /** Process id. */
  readonly pid: number;
  /** Ends it; what it held is gone, unless it has a state file. */
  stop(): Promise<void>;
}

/** Options of {@link startEmulator}. */
export interface StartEmulatorOptions {
  /**
   * TCP port on 127.0.0.1.
   * @default - a free one
   */
  readonly port?: number;
  /**
   * Leaves it running when this process ends.
   * @default false
   */
  readonly keepRunning?: boolean;
  /**
   * File in which the emulator leaves its content at its end, for the next start with this file.
   * @default - nowhere: it keeps everything in memory
   */
  readonly stateFile?: string;
}

const HOST = "127.0.0.1";
const START_SECONDS = 60;
const SCRIPT = path.join(repositoryRoot, "local", "servers", "aws", "patched_moto");

/** The Python of the emulator's virtual environment, whether it is there or not. */
export const emulatorPython = localPath("venv", "emulator", "bin", "python");

/**
 * Starts the AWS emulator and waits until it answers.
 *
 * @throws ToolError where it is not set up, the port is taken, or it ends at once
 */
export async function startEmulator(options: StartEmulatorOptions = {}): Promise<Emulator> {
  if (!existsSync(emulatorPython))
    throw new ToolError("the AWS emulator is not set up: run make demo or make test, which set it up");
  const port = options.port ?? (await getPort({ host: HOST }));
  if (options.port !== undefined && (await getPort({ host: HOST, port })) !== port) {
    throw new ToolError(`port ${port} is taken by another program: stop it or choose another port`);
  }
  mkdirSync(localPath("log"), { recursive: true });
  const log = localPath("log", `emulator-${port}.log`);
  const output = openSync(log, "w");
  const server = spawn(emulatorPython, [SCRIPT, "-H", HOST, "-p", String(port)], {
    stdio: ["ignore", output, output],
    detached: options.keepRunning,
    env: { ...process.env, ...(options.stateFile !== undefined && { EMULATOR_STATE_FILE: options.stateFile }) },
  });
  closeSync(output);
  noteStarted(server, "AWS emulator");
  const ended = new Promise((resolve) => server.once("exit", resolve));
  if (options.keepRunning) server.unref();
  else process.once("exit", () => server.kill("SIGKILL"));

  const url = `http://${HOST}:${port}`;
  const deadline = Date.now() + START_SECONDS * 1000;
  while ((await fetch(`${url}/moto-api/data.json`).catch(() => undefined)) === undefined) {
    if (server.exitCode !== null)
      throw new ToolError(`the AWS emulator ended at its start: ${lastLine(log)} (log: ${log})`);
    if (Date.now() > deadline) {
      server.kill();
      throw new ToolError(`the AWS emulator did not answer in ${START_SECONDS} s (log: ${log})`);
    }
    await sleep(200);
  }
  return {
    url,
    pid: server.pid as number,
    stop: async () => {
      server.kill();
      await ended;
    },
  };
}

/** Ends an emulator that an earlier process left running; says whether there was one. */
export async function stopEmulator(pid: number): Promise<boolean> {
  // A process id is used again by others: end it only where it still is an emulator of this clone.
  const commandLine = `/proc/${pid}/cmdline`;
  if (!existsSync(commandLine) || !readFileSync(commandLine, "utf8").includes(SCRIPT)) return false;
  process.kill(pid, "SIGTERM");
  while (existsSync(commandLine)) await sleep(50);
  return true;
}

function lastLine(file: string): string {
  return readFileSync(file, "utf8").trim().split("\n").at(-1) ?? "";
}
