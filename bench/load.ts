import { execFileSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import path from "node:path";
import Table from "cli-table3";
import { localPath, repositoryRoot } from "../local/tools/paths";

/** One comparison, as `bench/results.json` lists them; `ratio` is ours by theirs. */
export interface BenchmarkRow {
  readonly name: string;
  readonly unit: string;
  readonly ours: number;
  readonly theirs: number;
  readonly ratio: number;
  readonly size: string;
}

/** Modules that a process has loaded once it has required a module and read all its names. */
interface Load {
  readonly modules: number;
  readonly seconds: number;
  /** Resident set size. */
  readonly megabytes: number;
}

const RUNS = 7;
const MEASURE = `
  const start = process.hrtime.bigint();
  Object.values(require(process.argv[1]));
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const megabytes = process.memoryUsage.rss() / 2 ** 20;
  console.log(JSON.stringify({ modules: Object.keys(require.cache).length, seconds, megabytes }));
`;

function load(module: string): Load {
  const output = execFileSync(process.execPath, ["-e", MEASURE, module], { cwd: repositoryRoot, encoding: "utf8" });
  return JSON.parse(output) as Load;
}

/** The built package as most construct libraries are written: with imports from the index of the AWS bindings. */
function withIndexImports(): string {
  const copy = localPath("bench", "index-imports");
  rmSync(copy, { recursive: true, force: true });
  cpSync(path.join(repositoryRoot, "dist"), copy, { recursive: true });
  for (const entry of readdirSync(copy, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(".js")) continue;
    const file = path.join(entry.parentPath, entry.name);
    const text = readFileSync(file, "utf8").replace(
      /require\("@cdktf\/provider-aws\/lib\/([\w-]+)"\)/g,
      (_, name: string) => `require("@cdktf/provider-aws").${camelCase(name)}`,
    );
    writeFileSync(file, text);
  }
  return path.join(copy, "index.js");
}

function camelCase(name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** The middle value. */
export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

/** Measures what all names of the built package cost, beside cdktf alone and beside the same code with index imports. */
export function benchmarkLoad(): BenchmarkRow[] {
  const modules = {
    package: path.join(repositoryRoot, "dist", "index.js"),
    cdktf: "cdktf",
    "index imports": withIndexImports(),
  };
  const names = Object.keys(modules) as (keyof typeof modules)[];
  const loads = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<keyof typeof modules, Load[]>;
  // In turn, so that what else the machine does falls on all alike.
  for (let run = 0; run < RUNS; run++) for (const name of names) loads[name].push(load(modules[name]));
  const medianOf = (name: keyof typeof modules, measure: keyof Load): number =>
    median(loads[name].map((result) => result[measure]));

  const table = new Table({
    head: ["require of", "modules", "seconds", "MB"],
    colAligns: ["left", "right", "right", "right"],
    style: { head: [], border: [], compact: true },
  });
  for (const name of names) {
    table.push([
      name,
      medianOf(name, "modules"),
      medianOf(name, "seconds").toFixed(3),
      medianOf(name, "megabytes").toFixed(0),
    ]);
  }
  console.log(table.toString());

  const units: [keyof Load, string][] = [
    ["modules", "modules"],
    ["seconds", "s"],
    ["megabytes", "MB"],
  ];
  return (["cdktf", "index imports"] as const).flatMap((other) =>
    units.map(([measure, unit]) => {
      const ours = medianOf("package", measure);
      const theirs = medianOf(other, measure);
      return {
        name: `load of the package against ${other === "cdktf" ? "cdktf alone" : "the same code with index imports"}`,
        unit,
        ours,
        theirs,
        ratio: ours / theirs,
        size: `median of ${RUNS} runs`,
      };
    }),
  );
}

/** The rows as `bench/results.json` has them, each with the machine that it was measured on. */
export function withMachine(rows: readonly BenchmarkRow[]): object[] {
  const machine = { cores: cpus().length, memoryGib: Math.round(totalmem() / 1024 ** 3) };
  return rows.map((row) => ({ ...row, ...machine }));
}

if (require.main === module) benchmarkLoad();
