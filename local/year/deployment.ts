import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createConnection } from "mysql2/promise";
import { LocalSecrets } from "../aws";
import { CdktfProject } from "../cdktf-project";
import type { Emulator } from "../emulator";
import { startEmulator } from "../emulator";
import type { OpenServer } from "../mysql/open-server";
import { openServer } from "../mysql/open-server";
import { replayApply } from "../mysql/replayer";
import { repositoryRoot } from "../paths";
import { runCommand } from "../run-command";
import { canGetProvider, MYSQL_PROVIDER } from "../terraform-providers";
import { terraformEnvironment } from "../terraform-cli-config";
import { writeTarget } from "../web-app";

const DATA_LAKE = "local-data-lake";
const SCHEMA = "local-metadata-schema";

/** An environment `local` of its own: a copy of the app and its migrations, an emulator and a MySQL server in one folder. */
export class Deployment {
  readonly project: CdktfProject;
  emulator!: Emulator;
  mysql!: OpenServer;
  outputs: Record<string, unknown> = {};
  /** Where the environment is, for the Python side. */
  target = "";

  private readonly environment = terraformEnvironment();
  private hasProvider = false;

  /** @param folder made anew */
  constructor(readonly folder: string) {
    this.project = new CdktfProject(folder, this.environment);
  }

  /** Starts the servers and deploys both stacks. */
  async start(onLine?: (line: string) => void): Promise<void> {
    rmSync(this.folder, { recursive: true, force: true });
    mkdirSync(this.folder, { recursive: true });
    for (const part of ["dist", "sql"]) {
      cpSync(path.join(repositoryRoot, part), path.join(this.folder, part), { recursive: true });
    }
    const configuration = { language: "typescript", app: "node dist/main.js", sendCrashReports: "false" };
    writeFileSync(path.join(this.folder, "cdktf.json"), JSON.stringify(configuration));
    this.emulator = await startEmulator({ stateFile: this.emulatorState });
    this.mysql = await openServer({ dataFolder: this.mysqlFolder });
    Object.assign(this.environment, {
      AWS_ENDPOINT_URL: this.emulator.url,
      MYSQL_ENDPOINT: `${this.mysql.host}:${this.mysql.port}`,
      MYSQL_USERNAME: this.mysql.rootUser,
      MYSQL_PASSWORD: this.mysql.rootPassword,
      MYSQL_TLS_CA_CERT: this.mysql.caFile,
    });
    this.hasProvider = await canGetProvider(MYSQL_PROVIDER, this.environment);
    await this.project.deploy([DATA_LAKE], onLine);
    this.outputs = (await this.project.readState(DATA_LAKE)).outputs;
    await this.deploySchema(onLine);
    const { caFile = "" } = this.mysql;
    this.target = writeTarget(this.folder, { endpoint: this.emulator.url, outputs: this.outputs, caFile });
  }

  /** How the schema is made here. */
  get schemaPath(): "provider" | "replayer" {
    return this.hasProvider ? "provider" : "replayer";
  }

  /** Deploys the schema stack, as often as one likes. */
  async deploySchema(onLine?: (line: string) => void): Promise<void> {
    if (this.hasProvider) return this.project.deploy([SCHEMA], onLine);
    await runCommand("node", ["dist/main.js"], { cwd: this.folder, env: this.environment });
    const { host, port, rootUser: user, rootPassword: password, caFile } = this.mysql;
    const secrets = new LocalSecrets(this.emulator.url);
    await replayApply({
      stackFile: path.join(this.project.stackFolder(SCHEMA), "cdk.tf.json"),
      server: { host, port, user, password, caFile },
      readSecret: (secretId) => secrets.read(secretId),
      onResource: (address) => onLine?.(address),
    });
    return undefined;
  }

  /** Loses what Terraform knows of the schema. The replayer has no state: it starts from nothing each time. */
  loseSchemaState(): void {
    const state = path.join(this.folder, ".local", "state");
    for (const name of readdirSync(state).filter((file) => file.startsWith(SCHEMA))) rmSync(path.join(state, name));
  }

  /** Adds a migration to the copy of the project and locks it. */
  async addMigration(name: string, sql: string): Promise<string> {
    const folder = path.join(this.folder, "sql", "migrations");
    const next = readdirSync(folder).filter((file) => /^V\d+__/.test(file)).length + 1;
    const file = `V${String(next).padStart(4, "0")}__${name}.sql`;
    writeFileSync(path.join(folder, file), sql);
    await runCommand("node", ["dist/schema/cli.js", "lock"], { cwd: this.folder });
    return file;
  }

  /** Ends the emulator and starts it again where it was, with what it held. */
  async restartEmulator(): Promise<void> {
    const port = Number(new URL(this.emulator.url).port);
    await this.emulator.stop();
    if (!existsSync(this.emulatorState)) throw new Error(`the emulator left no ${this.emulatorState}`);
    this.emulator = await startEmulator({ port, stateFile: this.emulatorState });
  }

  /** Shuts the database server down and starts it again where it was. Somebody else's server is left alone. */
  async restartMysql(): Promise<boolean> {
    if (this.mysql.pid === undefined) return false;
    await this.mysql.stop();
    this.mysql = await openServer({ dataFolder: this.mysqlFolder, port: this.mysql.port });
    return true;
  }

  /** Runs a statement as the server's administrator. */
  async administer<T>(sql: string): Promise<T[]> {
    const { host, port, rootUser: user, rootPassword: password } = this.mysql;
    const connection = await createConnection({ host, port, user, password });
    try {
      const [rows] = await connection.query(sql);
      return rows as T[];
    } finally {
      await connection.end();
    }
  }

  async stop(): Promise<void> {
    await this.emulator?.stop();
    await this.mysql?.stop();
  }

  private get emulatorState(): string {
    return path.join(this.folder, "emulator.state");
  }

  private get mysqlFolder(): string {
    return path.join(this.folder, "mysql");
  }
}
