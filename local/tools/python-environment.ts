import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { localPath } from "./paths";
import { runCommand } from "./run-command";
import { ToolError } from "./tool-error";

/**
 * A virtual environment in `.local/venv` that holds just what a locked requirements file says, made once.
 *
 * @returns the environment's Python
 */
export async function pythonEnvironment(
  name: string,
  requirementsFile: string,
  onLine?: (line: string) => void,
): Promise<string> {
  const folder = localPath("venv", name);
  const python = path.join(folder, "bin", "python");
  const stamp = path.join(folder, "requirements.sha256");
  const wanted = createHash("sha256").update(readFileSync(requirementsFile)).digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return python;
  rmSync(folder, { recursive: true, force: true });
  await runCommand("python3", ["-m", "venv", folder], { onLine }).catch((error: unknown) => {
    throw new ToolError(`python3 -m venv failed, install python3-venv of your system: ${(error as Error).message}`);
  });
  const logFile = localPath("log", `pip-${name}.log`);
  // One retry: a machine without network is told so in seconds.
  const patience = ["--retries", "1", "--timeout", "15"];
  const args = ["-m", "pip", "install", "--disable-pip-version-check", ...patience, "--require-hashes", "-r"];
  await runCommand(python, [...args, requirementsFile], { onLine, logFile }).catch((error: unknown) => {
    if (!(error instanceof ToolError)) throw error;
    throw new ToolError(`the Python packages of ${name} cannot be installed, is PyPI reachable? (log: ${logFile})`);
  });
  writeFileSync(stamp, wanted);
  return python;
}
