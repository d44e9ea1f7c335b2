import { existsSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { createConnection } from "mysql2/promise";
import { replayApply } from "../replayer/replayer";
import type { Emulator } from "../servers/aws/emulator";
import { startEmulator } from "../servers/aws/emulator";
import type { OpenServer } from "../servers/mysql/open-server";
import { openServer } from "../servers/mysql/open-server";
import type { CommandResult, RunCommandOptions } from "../tools/run-command";
import { runCommand } from "../tools/run-command";
import { LocalSecrets } from "./aws-clients";
import { runBackupPackage } from "./backup-package";
import type { DeployedResource } from "./cdktf-project";
import { CdktfProject } from "./cdktf-project";
import { terraformEnvironment } from "./terraform-cli-config";
import { canGetProvider, checkAwsProvider, MYSQL_PROVIDER } from "./terraform-providers";
import { writeTarget } from "./web-app-double";

export const DATA_LAKE = "local-data-lake";
export const SCHEMA = "local-metadata-schema";

type Show = (line: string) => void;

/** Options of {@link Deployment}. */
export interface DeploymentOptions {
  /** Folder of the `cdktf.json`. */
  readonly projectFolder: string;
  /** Folder of the servers: MySQL's data, the emulator's state, the file for the Python side. */
  readonly serversFolder: string;
  /**
   * Leaves the servers running when this process ends.
   * @default false
   */
  readonly keepRunning?: boolean;
  /**
   * Lets the emulator take up its content again after a restart.
   * @default false
   */
  readonly keepEmulatorState?: boolean;
}

/** The environment `local`: an AWS emulator and a MySQL server on this machine, and both stacks deployed to them. */
export class Deployment {
  readonly project: CdktfProject;
  emulator!: Emulator;
  mysql!: OpenServer;
  /** Managed resources of the data lake stack. */
  resources: DeployedResource[] = [];
  /** Outputs of the data lake stack. */
  outputs: Record<string, unknown> = {};
  /** File that tells the Python side where the environment is. */
  target = "";
  /** Deploys the schema stack: Terraform's provider, or the replayer where the provider cannot be had. */
  schemaPath: "provider" | "replayer" = "replayer";

  private readonly environment = terraformEnvironment();

  constructor(private readonly options: DeploymentOptions) {
    this.project = new CdktfProject(options.projectFolder, this.environment);
  }

  /** Stacks that Terraform deploys. */
  get stacks(): string[] {
    return this.schemaPath === "provider" ? [DATA_LAKE, SCHEMA] : [DATA_LAKE];
  }

  /** Starts the servers and deploys both stacks. */
  async start(show?: Show): Promise<void> {
    await this.findProviders();
    await this.startEmulator();
    await this.startMysql();
    await this.deploy(show);
  }

  /** @throws ToolError where Terraform cannot get the AWS provider */
  async findProviders(): Promise<void> {
    await checkAwsProvider(this.environment);
    this.schemaPath = (await canGetProvider(MYSQL_PROVIDER, this.environment)) ? "provider" : "replayer";
  }

  async startEmulator(port?: number): Promise<void> {
    const { keepRunning, keepEmulatorState } = this.options;
    this.emulator = await startEmulator({
      port,
      keepRunning,
      stateFile: keepEmulatorState ? this.emulatorState : undefined,
    });
    this.environment["AWS_ENDPOINT_URL"] = this.emulator.url;
  }

  async startMysql(port?: number): Promise<void> {
    const { keepRunning, serversFolder } = this.options;
    this.mysql = await openServer({ dataFolder: path.join(serversFolder, "mysql"), keepRunning, port });
    Object.assign(this.environment, {
      MYSQL_ENDPOINT: `${this.mysql.host}:${this.mysql.port}`,
      MYSQL_USERNAME: this.mysql.rootUser,
      MYSQL_PASSWORD: this.mysql.rootPassword,
      MYSQL_TLS_CA_CERT: this.mysql.caFile,
    });
  }

  /** Deploys both stacks. */
  async deploy(show?: Show): Promise<void> {
    await this.project.deploy(this.stacks, show);
    if (this.schemaPath === "replayer") await this.replaySchema(show);
    const { resources, outputs } = await this.project.readState(DATA_LAKE);
    this.resources = resources;
    this.outputs = outputs;
    const { caFile = "" } = this.mysql;
    this.target = writeTarget(this.options.serversFolder, { endpoint: this.emulator.url, outputs, caFile });
  }

  /** Deploys the schema stack again. */
  async deploySchema(show?: Show): Promise<void> {
    if (this.schemaPath === "provider") return this.project.deploy([SCHEMA], show);
    await runCommand("node", ["dist/main.js"], { cwd: this.project.folder, env: this.environment });
    return this.replaySchema(show);
  }

  /** Loses Terraform's state of the schema. The replayer has none: it starts from nothing each time. */
  loseSchemaState(): void {
    const state = path.join(this.project.folder, ".local", "state");
    for (const name of readdirSync(state).filter((file) => file.startsWith(SCHEMA))) rmSync(path.join(state, name));
  }

  /** Ends the emulator and starts it again at its port, with its content. */
  async restartEmulator(): Promise<void> {
    const port = Number(new URL(this.emulator.url).port);
    await this.emulator.stop();
    if (!existsSync(this.emulatorState)) throw new Error(`the emulator left no ${this.emulatorState}`);
    await this.startEmulator(port);
  }

  /** Shuts the database server down and starts it again at its port. A server of `MYSQL_URL` is left alone. */
  async restartMysql(): Promise<boolean> {
    if (this.mysql.pid === undefined) return false;
    await this.mysql.stop();
    await this.startMysql(this.mysql.port);
    return true;
  }

  /** Runs a statement as the server's administrator. */
  async administer<T>(sql: string): Promise<T[]> {
    const { host, port, rootUser: user, rootPassword: password } = this.mysql;
    const connection = await createConnection({ host, port, user, password, dateStrings: true });
    try {
      const [rows] = await connection.query(sql);
      return rows as T[];
    } finally {
      await connection.end();
    }
  }

  /** Secrets of the emulator. */
  get secrets(): LocalSecrets {
    return new LocalSecrets(this.emulator.url);
  }

  /**
   * Runs a command of the backup package on this environment.
   *
   * @param user database user that the command logs in as; none where it reads the store alone
   */
  runBackup(
    command: string,
    user: "xray_backup" | "xray_purge" | "xray_restore" | undefined,
    args: string[] = [],
    options: Pick<RunCommandOptions, "onLine"> = {},
  ): Promise<CommandResult> {
    const secrets = this.outputs["user_secret_arns"] as Record<string, string>;
    const ca = this.mysql.caFile === undefined ? [] : ["--ssl-ca", this.mysql.caFile];
    const login = user === undefined ? [] : ["--secret-id", secrets[user] ?? "", ...ca];
    const store = `s3://${String(this.outputs["bucket"])}/${String(this.outputs["backup_prefix"])}`;
    return runBackupPackage({ endpoint: this.emulator.url, store }, [command, ...login, ...args], options);
  }

  async stop(): Promise<void> {
    await this.emulator?.stop();
    await this.mysql?.stop();
  }

  private async replaySchema(show?: Show): Promise<void> {
    const { host, port, rootUser: user, rootPassword: password, caFile } = this.mysql;
    const { secrets } = this;
    await replayApply({
      stackFile: path.join(this.project.stackFolder(SCHEMA), "cdk.tf.json"),
      server: { host, port, user, password, caFile },
      readSecret: (secretId) => secrets.read(secretId),
      onResource: (address, index, total) => show?.(`${index + 1}/${total} ${address}`),
    });
  }

  private get emulatorState(): string {
    return path.join(this.options.serversFolder, "emulator.state");
  }
}
