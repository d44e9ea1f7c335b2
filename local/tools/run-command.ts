import { spawn } from "node:child_process";
import { createWriteStream, mkdirSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { stripVTControlCharacters } from "node:util";
import { noteStarted, ownGroups } from "./started-processes";
import { ToolError } from "./tool-error";

/** Options of {@link runCommand}. */
export interface RunCommandOptions {
  /**
   * The folder to run it in.
   * @default - the repository's root
   */
  readonly cwd?: string;
  /**
   * Its environment.
   * @default - this process's own
   */
  readonly env?: NodeJS.ProcessEnv;
  /**
   * File that also gets its whole output.
   * @default - nowhere
   */
  readonly logFile?: string;
  /**
   * Told each line of its output, without colours.
   * @default - nobody
   */
  readonly onLine?: (line: string) => void;
  /**
   * Exit codes that are no failure.
   * @default [0]
   */
  readonly okCodes?: number[];
}

/** Result of a command. */
export interface CommandResult {
  /** Its exit code. */
  readonly code: number;
  /** Standard output. */
  readonly stdout: string;
  /** Standard output and standard error as they came, without colours. */
  readonly output: string;
}

/**
 * Runs a command without a shell.
 *
 * @throws ToolError in one line: the command, its exit code, the most telling line of its output, the log
 */
export async function runCommand(
  command: string,
  args: string[],
  options: RunCommandOptions = {},
): Promise<CommandResult> {
  const { logFile, okCodes = [0] } = options;
  if (logFile !== undefined) mkdirSync(path.dirname(logFile), { recursive: true });
  const log = logFile === undefined ? undefined : createWriteStream(logFile);
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: ownGroups.on,
  });
  noteStarted(child, [path.basename(command), args[0]].filter(Boolean).join(" "), ownGroups.on);
  let stdout = "";
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  for (const stream of [child.stdout, child.stderr.setEncoding("utf8")]) {
    stream.on("data", (text: string) => {
      log?.write(text);
      output += stripVTControlCharacters(text);
    });
    createInterface({ input: stream }).on("line", (line) => {
      const text = stripVTControlCharacters(line).trim();
      if (text !== "") options.onLine?.(text);
    });
  }
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", (error: NodeJS.ErrnoException) => {
      reject(error.code === "ENOENT" ? new ToolError(`${command} is not on this machine: install it`) : error);
    });
    child.once("close", (exitCode) => resolve(exitCode ?? 1));
  });
  log?.end();
  if (!okCodes.includes(code)) {
    const where = logFile === undefined ? "" : ` (log: ${logFile})`;
    throw new ToolError(
      `${path.basename(command)} ${args[0] ?? ""} ended with ${code}: ${tellingLine(output)}${where}`,
    );
  }
  return { code, stdout, output };
}

/** The line that starts with "Error" and what follows it in its box, or the last line. */
export function tellingLine(output: string): string {
  const lines = output.split("\n").map((line) => line.replace(/^[\s│╷╵]*/, "").trim());
  const index = lines.findIndex((line) => /\bError: /.test(line));
  const found = index < 0 ? lines.filter(Boolean).slice(-1) : lines.slice(index, index + 6).filter(Boolean);
  return found
    .join(" ")
    .replace(/^.*?\bError: /, "")
    .slice(0, 400);
}
