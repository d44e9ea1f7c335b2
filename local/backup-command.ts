import path from "node:path";
import { LOCAL_REGION } from "./aws";
import { localPath, repositoryRoot } from "./paths";
import type { RunCommandOptions } from "./run-command";
import { runCommand } from "./run-command";

/** What the backup package works on. */
export interface BackupTarget {
  /** The AWS emulator. */
  readonly endpoint: string;
  /** Where the backups are, `s3://bucket/prefix`. */
  readonly store: string;
  /** The secret of the database user that reads the tables. */
  readonly secretArn: string;
  /**
   * The authority of the database server's certificate.
   * @default - the system's
   */
  readonly caFile?: string;
}

/** One backup, as `list` tells of it. */
export interface ListedBackup {
  readonly name: string;
  readonly rows: number;
  readonly files: number;
  readonly size: number;
}

/** The backup package's command line on this machine; the Glue jobs run the same package on AWS. */
export class BackupCommand {
  constructor(private readonly target: BackupTarget) {}

  async backUp(onLine: (line: string) => void): Promise<void> {
    await this.run(["backup", ...this.login()], onLine);
  }

  async verify(onLine: (line: string) => void): Promise<void> {
    await this.run(["verify", "--against-database", ...this.login()], onLine);
  }

  /** What there is: as the command shows it to people, and as data. */
  async list(): Promise<{ text: string; backups: ListedBackup[] }> {
    const { stdout: text } = await this.run(["list"]);
    const { stdout: json } = await this.run(["list", "--log", "json"]);
    const backups = json
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as ListedBackup & { event?: string });
    return { text, backups };
  }

  /** Writes the report of all backups to a file. */
  async report(file: string): Promise<void> {
    await this.run(["report", "--output", file]);
  }

  private login(): string[] {
    const { secretArn, caFile } = this.target;
    return ["--secret-id", secretArn, ...(caFile === undefined ? [] : ["--ssl-ca", caFile])];
  }

  private run(args: string[], onLine?: (line: string) => void): ReturnType<typeof runCommand> {
    return runBackupPackage(this.target, args, { onLine });
  }
}

/**
 * Runs one command of the backup package.
 *
 * @param args the command and its options but those that name the store
 * @param options as of {@link runCommand}
 */
export function runBackupPackage(
  { endpoint, store }: Pick<BackupTarget, "endpoint" | "store">,
  [command = "", ...rest]: string[],
  options: Pick<RunCommandOptions, "onLine" | "okCodes"> = {},
): ReturnType<typeof runCommand> {
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
