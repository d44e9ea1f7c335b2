import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { LOCAL_REGION } from "./aws-clients";
import { localPath, repositoryRoot } from "../tools/paths";
import { pythonEnvironment } from "../tools/python-environment";
import type { CommandResult, RunCommandOptions } from "../tools/run-command";
import { runCommand } from "../tools/run-command";

const FOLDER = path.join(repositoryRoot, "web_app_double");
const python = localPath("venv", "web_app_double", "bin", "python");

/** Sets up the Python environment of the web app's double. */
export async function setUpWebApp(onLine?: (line: string) => void): Promise<void> {
  await pythonEnvironment("web_app_double", path.join(FOLDER, "requirements.txt"), onLine);
}

/** Addresses of a deployed environment. */
export interface Deployed {
  /** The AWS emulator. */
  readonly endpoint: string;
  /** The outputs of the data lake stack. */
  readonly outputs: Record<string, unknown>;
  /** PEM file of the authority of the database server's certificate. */
  readonly caFile: string;
}

/** File of an environment whose servers keep their data in a folder. */
export function targetFile(folder: string): string {
  return path.join(folder, "target.json");
}

/** Writes the addresses of a deployed environment to a file for the Python side; it holds no secret. Returns the file. */
export function writeTarget(folder: string, { endpoint, outputs, caFile }: Deployed): string {
  const file = targetFile(folder);
  mkdirSync(folder, { recursive: true });
  const target = { ...outputs, endpoint_url: endpoint, region: LOCAL_REGION, ssl_ca: caFile };
  writeFileSync(file, JSON.stringify(target, null, 2));
  return file;
}

/** Runs a Python module of the folder `web_app_double`. */
export function runWebApp(
  module: string,
  args: string[],
  options: RunCommandOptions & { readonly target?: string } = {},
): Promise<CommandResult> {
  const { target, ...rest } = options;
  return runCommand(python, ["-m", module, ...args], {
    cwd: FOLDER,
    logFile: localPath("log", `${module.replaceAll(".", "-")}.log`),
    ...rest,
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1", ...(target !== undefined && { XRAY_TARGET: target }) },
  });
}

/** The table that {@link runContract} leaves: each statement as the app sent it, and its result. */
export const contractReport = localPath("contract.json");

/** Runs the web app's contract on a deployed environment. */
export function runContract(target: string, onLine?: (line: string) => void): Promise<CommandResult> {
  process.env["XRAY_CONTRACT_REPORT"] = contractReport;
  return runWebApp("pytest", ["tests"], { target, onLine, okCodes: [0, 1] });
}
