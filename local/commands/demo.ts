import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import pc from "picocolors";
import { resourceTable } from "./resource-table";
import { LOCAL_REGION, roundTrip } from "../environment/aws-clients";
import { type ListedBackup, listedBackups } from "../environment/backup-package";
import { DATA_LAKE, Deployment } from "../environment/deployment";
import { noteRunning, serversFolder, takeDown } from "../environment/left-running";
import { sampleImage } from "../environment/sample-image";
import { installServer } from "../servers/mysql/install";
import { checkMachine } from "../tools/machine";
import { localPath, repositoryRoot } from "../tools/paths";
import { pythonEnvironment } from "../tools/python-environment";
import type { Step } from "../tools/steps";
import { runSteps } from "../tools/steps";
import { newTable, right } from "../tools/table";
import { runCommand } from "../tools/run-command";
import { lockRun } from "../tools/run-lock";
import { runTool } from "../tools/run-tool";
import { ToolError } from "../tools/tool-error";

const TABLES = ["image", "transaction", "pred_bounding_box"];

/** Deploys the environment `local` to servers on this machine, shows what it made and leaves it running. */
class Demo {
  private readonly deployment = new Deployment({ projectFolder: repositoryRoot, serversFolder, keepRunning: true });
  /** Packages of the database server, fetched while Python's are. */
  private serverPackages: Promise<string | undefined> | undefined;
  /** Environment of the backup, set up while the deployment waits for its servers. */
  private backupEnvironment: Promise<string> | undefined;
  private secondPlan = "";
  private list = "";
  private backups: ListedBackup[] = [];

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
    { title: "Set up the backup", run: () => this.setUpBackup() },
    { title: "Back the rows up", run: (show) => this.backUp(show) },
    { title: "Verify the backup", run: (show) => this.verify(show) },
    { title: "Write the report", run: () => this.report() },
  ];

  async show(): Promise<void> {
    console.log(`\n${pc.bold("What now exists")}\n${resourceTable(this.deployment.resources)}`);
    for (const name of TABLES) await this.showTable(name);
    this.showWorkbench();
    console.log(`\n${pc.bold("Backups")}\n${this.list.trimEnd()}`);
  }

  async summary(): Promise<Record<string, unknown>> {
    const { resources, outputs, emulator, mysql, schemaPath, secrets } = this.deployment;
    return {
      awsResourceCount: resources.length,
      secondPlan: this.secondPlan,
      bucket: outputs["bucket"],
      emulatorEndpoint: emulator.url,
      mysqlEndpoint: `${mysql.host}:${mysql.port}`,
      serverVersion: mysql.version,
      schemaPath,
      backups: this.backups,
      secretNames: await secrets.names(),
    };
  }

  private async checkMachine(): Promise<string> {
    const versions = await checkMachine();
    return Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ");
  }

  private async setUpEmulator(show: (line: string) => void): Promise<undefined> {
    // Downloads that do not wait for each other; where this one fails, the server's own step tells why.
    if ((process.env["MYSQL_URL"] ?? "") === "") this.serverPackages = installServer("mysql").catch(() => undefined);
    await pythonEnvironment("emulator", path.join(repositoryRoot, "local", "requirements.txt"), show);
    return undefined;
  }

  private async setUpBackup(): Promise<undefined> {
    await this.backupEnvironment;
    return undefined;
  }

  private async findProviders(): Promise<string> {
    await this.deployment.findProviders();
    return this.deployment.schemaPath === "provider"
      ? "AWS and MySQL"
      : "AWS; the replayer stands in for the MySQL provider";
  }

  private async startEmulator(): Promise<string> {
    await this.deployment.startEmulator();
    const { url, pid } = this.deployment.emulator;
    noteRunning({ emulatorPid: pid });
    return url;
  }

  private async startMysql(): Promise<string> {
    await this.serverPackages;
    await this.deployment.startMysql();
    const { version, host, port } = this.deployment.mysql;
    return `${version} at ${host}:${port}`;
  }

  private async deploy(show: (line: string) => void): Promise<string> {
    this.backupEnvironment = pythonEnvironment("glue", path.join(repositoryRoot, "glue", "requirements.txt"));
    this.backupEnvironment.catch(() => undefined); // the step that waits for it tells why
    await this.deployment.deploy(show);
    return `${this.deployment.resources.length} AWS resources, schema by the ${this.deployment.schemaPath}`;
  }

  private async planAgain(): Promise<string> {
    const { stacks, project } = this.deployment;
    for (const stack of stacks) {
      if ((await project.plannedChanges(stack)).length > 0) {
        throw new ToolError(`a second plan of ${stack} has changes (log: ${project.logFile("plan", stack)})`);
      }
    }
    this.secondPlan = "No changes";
    return this.secondPlan;
  }

  private async uploadImage(): Promise<string> {
    const { emulator, outputs } = this.deployment;
    const image = sampleImage();
    const key = `${String(outputs["images_prefix"])}/img_1`;
    const back = await roundTrip(emulator.url, String(outputs["bucket"]), key, image);
    if (!back.equals(image))
      throw new ToolError(`the X-ray came back changed: ${image.length} bytes sent, ${back.length} got`);
    return `${image.length} bytes`;
  }

  private async backUp(show: (line: string) => void): Promise<undefined> {
    await this.deployment.runBackup("backup", "xray_backup", [], { onLine: show });
    return undefined;
  }

  private async verify(show: (line: string) => void): Promise<string> {
    await this.deployment.runBackup("verify", "xray_backup", ["--against-database"], { onLine: show });
    this.list = (await this.deployment.runBackup("list", undefined)).stdout;
    this.backups = listedBackups((await this.deployment.runBackup("list", undefined, ["--log", "json"])).stdout);
    return "the files, and the database against them";
  }

  private async report(): Promise<string> {
    const file = localPath("backup-report.html");
    await this.deployment.runBackup("report", undefined, ["--output", file]);
    return path.relative(repositoryRoot, file);
  }

  private async showTable(name: string): Promise<void> {
    const rows = await this.deployment.administer<Record<string, unknown>>(`SELECT * FROM x_ray.\`${name}\``);
    const table = newTable(Object.keys(rows[0] ?? {}));
    table.push(...rows.map((row) => Object.values(row).map(String)));
    console.log(`\n${pc.bold(`x_ray.${name}`)}\n${table.toString()}`);
  }

  private showWorkbench(): void {
    const { host, port, rootUser, caFile } = this.deployment.mysql;
    const settings = {
      "Connection Name": DATA_LAKE,
      Hostname: host,
      Port: port,
      Username: rootUser,
      Password: `in the file ${path.relative(repositoryRoot, path.join(serversFolder, "mysql", "root-password"))}`,
      "Default Schema": "x_ray",
      "SSL CA File": caFile === undefined ? "" : path.relative(repositoryRoot, caFile),
    };
    const table = newTable([]);
    table.push(...Object.entries(settings).map(([name, value]) => [name, String(value)]));
    console.log(`\n${pc.bold("MySQL Workbench")}\n${table.toString()}`);
  }
}

/** A command that shows the buckets; the emulator's own page where the AWS CLI is missing. */
async function lookAt(url: string): Promise<string> {
  const command = `aws --region ${LOCAL_REGION} --endpoint-url ${url} s3 ls`;
  const cli = await runCommand("aws", ["--version"]).catch(() => undefined);
  if (cli === undefined) return `${url}/moto-api/ in a browser`;
  return `AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local ${command}`;
}

runTool(async () => {
  lockRun("demo");
  const demo = new Demo();
  const times = await runSteps(demo.steps);
  await demo.show();
  const table = newTable(["Step", "Seconds"]);
  for (const { step, seconds } of times) table.push([step, right(seconds.toFixed(1))]);
  console.log(`\n${pc.bold("Time")}\n${table.toString()}`);
  mkdirSync(localPath(), { recursive: true });
  const summary: Record<string, unknown> = { steps: times, ...(await demo.summary()) };
  writeFileSync(localPath("summary.json"), `${JSON.stringify(summary, null, 2)}\n`);
  const look = await lookAt(String(summary["emulatorEndpoint"]));
  console.log(`\nIt is still running.\nLook: ${look}\nStop: make down`);
});
