import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import path from "node:path";
import Table from "cli-table3";
import { localPath, repositoryRoot } from "../local/tools/paths";
import { writeComparison } from "./comparison";
import { type BenchmarkRow, median, withMachine } from "./load";

/** An app of one stack, as text that a process runs in `folder`; it is measured from the start of the process to the last line. */
interface App {
  readonly name: string;
  readonly folder: string;
  readonly script: string;
}

/** One process that has loaded a package, made a stack with it, and written it. */
interface Synthesis {
  readonly modules: number;
  /** Processor time, which what else the machine does changes less than the time of a clock. */
  readonly seconds: number;
  readonly heapMegabytes: number;
  readonly resources: number;
}

const RUNS = 5;

/** The newest versions that npm has of the other construct packages for cdktf, with the peers that they ask for. */
const PACKAGES = {
  terraconstructs: [
    "terraconstructs@0.0.15",
    "cdktf@0.20.12",
    "constructs@10.4.2",
    "@cdktf/provider-aws@19.65.1",
    "@cdktf/provider-cloudinit@10.0.3",
    "@cdktf/provider-time@10.2.1",
    "@cdktf/provider-tls@10.0.1",
  ],
  pocket: ["@pocket-tools/terraform-modules@5.20.0"],
};

/** Installs other people's packages into a folder of their own. Their install scripts are not run. */
function install(name: keyof typeof PACKAGES): string {
  const folder = localPath("bench", "peers", name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "package.json"), JSON.stringify({ private: true }));
  const args = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];
  execFileSync("npm", [...args, ...PACKAGES[name]], { cwd: folder, stdio: "inherit" });
  return folder;
}

const AWS = 'new (require("@cdktf/provider-aws/lib/provider").AwsProvider)(stack, "aws", { region: "eu-central-1" });';
const STACK = `const stack = new (require("cdktf").TerraformStack)(app, "stack"); ${AWS}`;

/** A bucket with versions, by each package that has one; a MySQL database, by each that has one. */
function apps(): { bucket: App[]; database: App[] } {
  const ours = { name: "this package", folder: repositoryRoot };
  const subnets = ["a", "b"].map((zone, index) => ({
    id: `subnet-0${index}1b2c3d4e5f60718`,
    availabilityZone: `eu-central-1${zone}`,
    routeTableId: "rtb-0a1b2c3d4e5f60718",
  }));
  const network = JSON.stringify({ vpcId: "vpc-0a1b2c3d4e5f60718", subnets });
  return {
    bucket: [
      { ...ours, script: `${STACK} new (require("./dist/index.js").DataLakeBucket)(stack, "Bucket");` },
      {
        name: "terraconstructs 0.0.15",
        folder: install("terraconstructs"),
        script: `
          const { aws } = require("terraconstructs");
          const stack = new aws.AwsStack(app, "stack", {
            environmentName: "test", gridUUID: "test", providerConfig: { region: "eu-central-1" },
            gridBackendConfig: { address: "http://localhost" },
          });
          new aws.storage.Bucket(stack, "Bucket", { versioned: true });`,
      },
    ],
    database: [
      {
        ...ours,
        script: `${STACK}
          const { DataLakeNetwork, MetadataDatabase } = require("./dist/index.js");
          const network = DataLakeNetwork.fromExisting(stack, "Network", ${network});
          new MetadataDatabase(stack, "Database", { network });`,
      },
      {
        name: "@pocket-tools/terraform-modules 5.20.0",
        folder: install("pocket"),
        script: `${STACK}
          const { ApplicationRDSCluster } = require("@pocket-tools/terraform-modules");
          new ApplicationRDSCluster(stack, "Database", {
            prefix: "x-ray", vpcId: "vpc-0a1b2c3d4e5f60718", subnetIds: ${JSON.stringify(subnets.map(({ id }) => id))},
            rdsConfig: { databaseName: "x_ray", masterUsername: "admin", engine: "aurora-mysql" },
          });`,
      },
    ],
  };
}

function synthesize({ folder, script }: App): Synthesis {
  const outdir = mkdtempSync(path.join(tmpdir(), "peers-"));
  const measured = `
    const app = new (require("cdktf").App)({ outdir: process.argv[1] });
    ${script}
    app.synth();
    const { user, system } = process.cpuUsage();
    const seconds = (user + system) / 1e6;
    const heapMegabytes = process.memoryUsage().heapUsed / 2 ** 20;
    console.log("\\n" + JSON.stringify({ modules: Object.keys(require.cache).length, seconds, heapMegabytes }));`;
  try {
    const output = execFileSync(process.execPath, ["-e", measured, outdir], { cwd: folder, encoding: "utf8" });
    const stack = readFileSync(path.join(outdir, "stacks", "stack", "cdk.tf.json"), "utf8");
    const { resource } = JSON.parse(stack) as { resource: Record<string, object> };
    const resources = Object.values(resource).reduce((sum, all) => sum + Object.keys(all).length, 0);
    return { ...(JSON.parse(output.trim().split("\n").at(-1) ?? "") as Omit<Synthesis, "resources">), resources };
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

/** Measures a process from its start to the written stack: this package beside others that make a comparable stack. */
export function benchmarkPeers(): BenchmarkRow[] {
  return Object.entries(apps()).flatMap(([kind, [ours, theirs]]) => {
    if (ours === undefined || theirs === undefined) return [];
    const runs: [Synthesis[], Synthesis[]] = [[], []];
    // In turn, so that what else the machine does falls on both alike.
    for (let run = 0; run < RUNS; run++) [ours, theirs].forEach((app, index) => runs[index]?.push(synthesize(app)));
    const medianOf = (index: 0 | 1, measure: keyof Synthesis) => median(runs[index].map((run) => run[measure]));
    const units: [keyof Synthesis, string][] = [
      ["seconds", "s"],
      ["heapMegabytes", "MB"],
      ["modules", "modules"],
      ["resources", "resources"],
    ];
    return units.map(([measure, unit]) => ({
      name: `synth of a ${kind}: ${theirs.name}`,
      unit,
      ours: medianOf(0, measure),
      theirs: medianOf(1, measure),
      ratio: medianOf(0, measure) / medianOf(1, measure),
      size: `median of ${RUNS} runs`,
    }));
  });
}

if (require.main === module) {
  console.log(`load of the machine before: ${loadavg()[0]?.toFixed(2)}`);
  const rows = benchmarkPeers();
  const table = new Table({ head: ["", "unit", "ours", "theirs", "ratio"], style: { head: [], border: [] } });
  for (const { name, unit, ours, theirs, ratio } of rows) {
    table.push([name, unit, ...[ours, theirs, ratio].map((value) => value.toFixed(2))]);
  }
  console.log(table.toString());
  const file = path.join(repositoryRoot, "bench", "results.json");
  const names = new Set(rows.map(({ name }) => name));
  const others = (JSON.parse(readFileSync(file, "utf8")) as BenchmarkRow[]).filter(({ name }) => !names.has(name));
  writeFileSync(file, `${JSON.stringify([...others, ...withMachine(rows)], null, 2)}\n`);
  writeComparison();
  execFileSync("npx", ["prettier", "--write", "docs/comparison.md"], { cwd: repositoryRoot });
}
