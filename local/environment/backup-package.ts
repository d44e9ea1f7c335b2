import path from "node:path";
import { localPath, repositoryRoot } from "../tools/paths";
import type { CommandResult, RunCommandOptions } from "../tools/run-command";
import { runCommand } from "../tools/run-command";
import { LOCAL_REGION } from "./aws-clients";

/** Store of the backups. */
export interface BackupStore {
  /** The AWS emulator. */
  readonly endpoint: string;
  /** `s3://bucket/prefix`. */
  readonly store: string;
}

/** One backup, as `list` tells of it. */
export interface ListedBackup {
  readonly name: string;
  readonly rows: number;
  readonly files: number;
  readonly size: number;
}

/**
 * Runs one command of the backup package on this machine; the Glue jobs run the same package on AWS.
 *
 * @param args the command and its options but those that name the store
 */
export function runBackupPackage(
  { endpoint, store }: BackupStore,
  [command = "", ...rest]: string[],
  options: Pick<RunCommandOptions, "onLine"> = {},
): Promise<CommandResult> {
  return runCommand(
    localPath("venv", "glue", "bin", "python"),
    ["-m", "xray_backup", command, "--store", store, "--endpoint-url", endpoint, ...rest],
    {
      ...options,
      env: {
        ...process.env,
        AWS_ACCESS_KEY_ID: "local",
        AWS_SECRET_ACCESS_KEY: "local",
        AWS_DEFAULT_REGION: LOCAL_REGION,
        PYTHONPATH: path.join(repositoryRoot, "glue"),
        PYTHONDONTWRITEBYTECODE: "1",
      },
      logFile: localPath("log", `xray-backup-${command}.log`),
    },
  );
}

/** The backups in the JSON lines of `list --log json`. */
export function listedBackups(json: string): ListedBackup[] {
  return json
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as ListedBackup);
}
