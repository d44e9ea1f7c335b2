import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import Table from "cli-table3";
import { createConnection } from "mysql2/promise";
import pc from "picocolors";
import { LocalSecrets, roundTrip } from "./aws";
import { BackupCommand } from "./backup-command";
import type { DeployedResource } from "./cdktf-project";
import { CdktfProject } from "./cdktf-project";
import type { Emulator } from "./emulator";
import { startEmulator } from "./emulator";
import { mysqlDataFolder, noteRunning, takeDown } from "./local-environment";
import { checkMachine } from "./machine";
import type { OpenServer } from "./mysql/open-server";
import { openServer } from "./mysql/open-server";
import { replayApply } from "./mysql/replayer";
import { localPath, repositoryRoot } from "./paths";
import { pythonEnvironment } from "./python-environment";
import { sampleImage } from "./sample-image";
import type { Step } from "./steps";
import { runSteps } from "./steps";
import { terraformEnvironment } from "./terraform-cli-config";
import { canGetProvider, checkAwsProvider, MYSQL_PROVIDER } from "./terraform-providers";
import { runTool, ToolError } from "./tool-error";

const DATA_LAKE = "local-data-lake";
const SCHEMA = "local-metadata-schema";
const TABLES = ["image", "transaction", "pred_bounding_box"];

/** Deploys the environment `local` to servers on this machine, shows what it made and leaves it running. */
class Demo {
  private environment: NodeJS.ProcessEnv = {};
  private project!: CdktfProject;
  private emulator!: Emulator;
  private mysql!: OpenServer;
  private schemaPath: "provider" | "replayer" = "replayer";
  private resources: DeployedResource[] = [];
  private outputs: Record<string, unknown> = {};
  private secondPlan = "";
  private backup!: BackupCommand;
  private listed: Awaited<ReturnType<BackupCommand["list"]>> = { text: "", backups: [] };

  readonly steps: Step[] = [
    { title: "Check the machine", run: () => this.checkMachine() },
    { title: "Find Terraform's providers", run: () => this.findProviders() },
    { title: "Clear an earlier run", run: async () => (await takeDown()).join(", ") || undefined },
    { title: "Set up the AWS emulator", run: (show) => this.setUpEmulator(show) },
    { title: "Start the AWS emulator", run: () => this.startEmulator() },
    { title: "Start MySQL", run: () => this.startMysql() },
    { title: "Deploy", run: (show) => this.deploy(show) },
    { title: "Plan again", run: () => this.planAgain() },
    { title: "Upload an X-ray and read it back", run: () => this.uploadImage() },
    { title: "Set up Spark", run: (show) => this.setUpSpark(show) },
    { title: "Back the rows up", run: (show) => this.backUp(show) },
    { title: "Verify the backup", run: (show) => this.verify(show) },
    { title: "Write the report", run: () => this.report() },
  ];

  async show(): Promise<void> {
    showResources(this.resources);
    await this.showTables();
    this.showWorkbench();
    console.log(`\n${pc.bold("Backups")}\n${this.listed.text.trimEnd()}`);
  }

  summary(): Record<string, unknown> {
    return {
      awsResourceCount: this.resources.length,
      secondPlan: this.secondPlan,
      bucket: this.outputs["bucket"],
      emulatorEndpoint: this.emulator.url,
      mysqlEndpoint: `${this.mysql.host}:${this.mysql.port}`,
      serverVersion: this.mysql.version,
      schemaPath: this.schemaPath,
      backups: this.listed.backups,
    };
  }

  secretNames(): Promise<string[]> {
    return new LocalSecrets(this.emulator.url).names();
  }

  private async checkMachine(): Promise<string> {
    const versions = await checkMachine();
    this.environment = terraformEnvironment();
    this.project = new CdktfProject(repositoryRoot, this.environment);
    return Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ");
  }

  private async setUpEmulator(show: (line: string) => void): Promise<undefined> {
    await pythonEnvironment("emulator", path.join(repositoryRoot, "local", "requirements.txt"), show);
    return undefined;
  }

  private async startEmulator(): Promise<string> {
    this.emulator = await startEmulator({ keepRunning: true });
    noteRunning({ emulatorPid: this.emulator.pid });
    return this.emulator.url;
  }

  private async startMysql(): Promise<string> {
    this.mysql = await openServer({ dataFolder: mysqlDataFolder, keepRunning: true });
    const { host, port, rootUser, rootPassword, caFile, version } = this.mysql;
    Object.assign(this.environment, {
      AWS_ENDPOINT_URL: this.emulator.url,
      MYSQL_ENDPOINT: `${host}:${port}`,
      MYSQL_USERNAME: rootUser,
      MYSQL_PASSWORD: rootPassword,
      MYSQL_TLS_CA_CERT: caFile,
    });
    return `${version} at ${host}:${port}`;
  }

  private async findProviders(): Promise<string> {
    await checkAwsProvider(this.environment);
    if (!(await canGetProvider(MYSQL_PROVIDER, this.environment))) {
      return "AWS; the MySQL provider is not to be had here, the replayer runs the same statements";
    }
    this.schemaPath = "provider";
    return "AWS and MySQL";
  }

  private async deploy(show: (line: string) => void): Promise<string> {
    const stacks = this.schemaPath === "provider" ? [DATA_LAKE, SCHEMA] : [DATA_LAKE];
    await this.project.deploy(stacks, show);
    if (this.schemaPath === "replayer") await this.replaySchema(show);
    const { resources, outputs } = await this.project.readState(DATA_LAKE);
    this.resources = resources;
    this.outputs = outputs;
    return `${resources.length} AWS resources, schema by the ${this.schemaPath}`;
  }

  private async replaySchema(show: (line: string) => void): Promise<void> {
    const { host, port, rootUser: user, rootPassword: password, caFile } = this.mysql;
    const secrets = new LocalSecrets(this.emulator.url);
    await replayApply({
      stackFile: path.join(this.project.stackFolder(SCHEMA), "cdk.tf.json"),
      server: { host, port, user, password, caFile },
      readSecret: (secretId) => secrets.read(secretId),
      onResource: (address, index, total) => show(`${index + 1}/${total} ${address}`),
    });
  }

  private async planAgain(): Promise<string> {
    const stacks = this.schemaPath === "provider" ? [DATA_LAKE, SCHEMA] : [DATA_LAKE];
    for (const stack of stacks) {
      if (!(await this.project.isUnchanged(stack))) {
        throw new ToolError(`a second plan of ${stack} has changes (log: ${this.project.logFile("plan", stack)})`);
      }
    }
    this.secondPlan = "No changes";
    return this.secondPlan;
  }

  private async uploadImage(): Promise<string> {
    const image = sampleImage();
    const bucket = String(this.outputs["bucket"]);
    const back = await roundTrip(this.emulator.url, bucket, `${String(this.outputs["images_prefix"])}/img_1`, image);
    if (!back.equals(image))
      throw new ToolError(`the X-ray came back changed: ${image.length} bytes sent, ${back.length} got`);
    return `${image.length} bytes`;
  }

  private async setUpSpark(show: (line: string) => void): Promise<undefined> {
    await pythonEnvironment("glue", path.join(repositoryRoot, "glue", "requirements.txt"), show);
    this.backup = new BackupCommand({
      endpoint: this.emulator.url,
      store: `s3://${String(this.outputs["bucket"])}/${String(this.outputs["backup_prefix"])}`,
      secretArn: (this.outputs["user_secret_arns"] as Record<string, string>)["xray_backup"] ?? "",
      caFile: this.mysql.caFile,
    });
    return undefined;
  }

  private async backUp(show: (line: string) => void): Promise<undefined> {
    await this.backup.backUp(show);
    return undefined;
  }

  private async verify(show: (line: string) => void): Promise<string> {
    await this.backup.verify(show);
    this.listed = await this.backup.list();
    return "the files, and the database against them";
  }

  private async report(): Promise<string> {
    const file = localPath("backup-report.html");
    await this.backup.report(file);
    return path.relative(repositoryRoot, file);
  }

  private async showTables(): Promise<void> {
    const { host, port, rootUser: user, rootPassword: password } = this.mysql;
    const connection = await createConnection({ host, port, user, password, database: "x_ray", dateStrings: true });
    try {
      for (const name of TABLES) {
        const [rows, fields] = await connection.query({ sql: `SELECT * FROM \`${name}\``, rowsAsArray: true });
        const table = newTable(fields.map((field) => field.name));
        table.push(...(rows as unknown[][]).map((row) => row.map(String)));
        console.log(`\n${pc.bold(`x_ray.${name}`)}\n${table.toString()}`);
      }
    } finally {
      await connection.end();
    }
  }

  private showWorkbench(): void {
    const settings = {
      "Connection Name": DATA_LAKE,
      Hostname: this.mysql.host,
      Port: this.mysql.port,
      Username: this.mysql.rootUser,
      Password: `in the file ${path.relative(repositoryRoot, path.join(mysqlDataFolder, "root-password"))}`,
      "Default Schema": "x_ray",
      "SSL CA File": this.mysql.caFile === undefined ? "" : path.relative(repositoryRoot, this.mysql.caFile),
    };
    const table = newTable([]);
    table.push(...Object.entries(settings).map(([name, value]) => [name, String(value)]));
    console.log(`\n${pc.bold("MySQL Workbench")}\n${table.toString()}`);
  }
}

function newTable(head: string[]): Table.Table {
  const plain = { compact: true, head: [], border: [] };
  return new Table({ head, style: pc.isColorSupported ? { ...plain, head: ["bold"], border: ["gray"] } : plain });
}

function showResources(resources: DeployedResource[]): void {
  const byType = new Map<string, DeployedResource[]>();
  for (const resource of resources) byType.set(resource.type, [...(byType.get(resource.type) ?? []), resource]);
  const table = newTable(["Kind", "Count", "Names"]);
  for (const [type, all] of [...byType].sort(([a], [b]) => a.localeCompare(b))) {
    table.push([
      type,
      { content: String(all.length), hAlign: "right" },
      all
        .map(({ name }) => name)
        .sort()
        .join("\n"),
    ]);
  }
  table.push(["Total", { content: String(resources.length), hAlign: "right" }, ""]);
  console.log(`\n${pc.bold("What now exists")}\n${table.toString()}`);
}

runTool(async () => {
  const demo = new Demo();
  const times = await runSteps(demo.steps);
  await demo.show();
  const table = newTable(["Step", "Seconds"]);
  for (const { step, seconds } of times) table.push([step, { content: seconds.toFixed(1), hAlign: "right" }]);
  console.log(`\n${pc.bold("Time")}\n${table.toString()}`);
  mkdirSync(localPath(), { recursive: true });
  const summary = { steps: times, ...demo.summary(), secretNames: await demo.secretNames() };
  writeFileSync(localPath("summary.json"), `${JSON.stringify(summary, null, 2)}\n`);
  console.log(
    `\nIt is still running. Look: aws --endpoint-url ${demo.summary()["emulatorEndpoint"]} s3 ls. Stop: make down`,
  );
});
