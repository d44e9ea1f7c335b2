import { mkdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { localPath, repositoryRoot } from "../tools/paths";
import { checkJava, checkMachine } from "../tools/machine";
import { pythonEnvironment } from "../tools/python-environment";
import { runCommand } from "../tools/run-command";
import { terraformEnvironment } from "../environment/terraform-cli-config";
import { installServer } from "../servers/mysql/install";
import { newTable, right } from "../tools/table";
import { runTool } from "../tools/run-tool";
import { ToolError } from "../tools/tool-error";

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** A set of tests that one command runs. */
interface Suite {
  readonly name: string;
  readonly command: string;
  readonly args: string[];
  /** Reads what the command left; without it, the command itself is the one test. */
  readonly counts?: () => Counts;
}

interface Result extends Counts {
  readonly name: string;
  readonly seconds: number;
}

const results = localPath("test-results");
const bin = (name: string): string => path.join(repositoryRoot, "node_modules", ".bin", name);
const python = (environment: string): string => localPath("venv", environment, "bin", "python");
const gluePython = python("glue");

function jestSuite(project: string): Suite {
  const file = path.join(results, `jest-${project}.json`);
  return {
    name: `jest ${project}`,
    command: bin("jest"),
    // One worker: two suites with servers of their own would fight over two cores. Terraform waits for the emulator most of
    // the time.
    args: [
      "--selectProjects",
      project,
      "--ci",
      "--json",
      `--outputFile=${file}`,
      ...(project === "unit" ? [] : ["--maxWorkers", project === "terraform" ? "2" : "1"]),
    ],
    counts: () => {
      const report = JSON.parse(readFileSync(file, "utf8")) as Record<string, number>;
      // A file that does not load has no tests to count and must not pass for that.
      const { numPassedTests = 0, numFailedTests = 0, numPendingTests = 0, numRuntimeErrorTestSuites = 0 } = report;
      return { passed: numPassedTests, failed: numFailedTests + numRuntimeErrorTestSuites, skipped: numPendingTests };
    },
  };
}

/** The tests of `folder`, or what `paths` take of them, in the virtual environment of the folder's name. */
function pytestSuite(folder: string, name = folder, paths: readonly string[] = [folder]): Suite {
  const file = path.join(results, `pytest-${name.replaceAll(" ", "-")}.xml`);
  return {
    name: `pytest ${name}`,
    command: python(folder),
    args: ["-m", "pytest", ...paths, "-q", `--junitxml=${file}`],
    counts: () => {
      const attribute = (name: string): number =>
        Number(new RegExp(`<testsuite [^>]*\\b${name}="(\\d+)"`).exec(readFileSync(file, "utf8"))?.[1] ?? 0);
      const failed = attribute("failures") + attribute("errors");
      const skipped = attribute("skipped");
      return { passed: attribute("tests") - failed - skipped, failed, skipped };
    },
  };
}

/** Python that mypy checks, with the types of the environment `glue`. */
const TYPED = ["glue/xray_backup", "glue/tests", "web_app_double/xray_web_app", "web_app_double/usage"];

const GLUE_RUNTIMES = "glue/tests/glue_runtime";

/** In the order in which they begin: the longest first, so that no core idles at the end, and what reads sources alone at once. */
const SUITES: Suite[] = [
  pytestSuite("glue", "glue", ["glue", `--ignore=${GLUE_RUNTIMES}`]),
  jestSuite("terraform"),
  { name: "eslint", command: bin("eslint"), args: ["."] },
  { name: "prettier", command: bin("prettier"), args: ["--check", "--log-level", "warn", "."] },
  { name: "tsc", command: bin("tsc"), args: ["-p", "tsconfig.check.json"] },
  { name: "ruff", command: gluePython, args: ["-m", "ruff", "check", "glue", "airflow", "local", "web_app_double"] },
  { name: "mypy", command: gluePython, args: ["-m", "mypy", "--config-file", "glue/pyproject.toml", ...TYPED] },
  jestSuite("e2e"),
  pytestSuite("glue", "glue runtimes", [GLUE_RUNTIMES]),
  jestSuite("unit"),
  pytestSuite("airflow"),
  jestSuite("mysql"),
  jestSuite("policy"),
  {
    name: "packages",
    command: process.execPath,
    args: [localPath("build", "local", "commands", "pack-matrix.js")],
  },
  { name: "site", command: "npm", args: ["--prefix", "site", "run", "--silent", "check"] },
  { name: "API reference", command: bin("typedoc"), args: ["--emit", "none"] },
  { name: "API report", command: process.execPath, args: ["scripts/api-report.js"] },
];

/** More than there are cores: Terraform and Airflow wait for most of their time. */
const SUITES_AT_A_TIME = 3;

/** Terraform and its providers spend a third of their time on collecting garbage that a machine for tests has the memory for. */
const FEWER_COLLECTIONS = { GOGC: "400" };

async function runSuite(suite: Suite, env: NodeJS.ProcessEnv): Promise<Result> {
  const logFile = localPath("log", `test-${suite.name.replaceAll(" ", "-")}.log`);
  console.log(`${suite.name}: started`);
  const start = Date.now();
  const { code, output } = await runCommand(suite.command, suite.args, {
    cwd: repositoryRoot,
    env,
    logFile,
    okCodes: Array.from({ length: 256 }, (_, index) => index),
  });
  const seconds = (Date.now() - start) / 1000;
  let counts: Counts;
  try {
    counts = suite.counts?.() ?? { passed: 0, failed: 0, skipped: 0 };
  } catch {
    counts = { passed: 0, failed: 0, skipped: 0 }; // it ended before it wrote a report
  }
  if (suite.counts === undefined && code === 0) counts = { ...counts, passed: 1 };
  if (code !== 0 && counts.failed === 0) counts = { ...counts, failed: 1 };
  console.log(`${suite.name}: ${counts.passed} passed, ${counts.failed} failed (${seconds.toFixed(0)} s)`);
  if (counts.failed > 0) console.log(output.split("\n").slice(-200).join("\n"));
  return { name: suite.name, seconds, ...counts };
}

async function runAll(suites: Suite[], env: NodeJS.ProcessEnv): Promise<Result[]> {
  const left = [...suites];
  const done: Result[] = [];
  const takeNext = async (): Promise<void> => {
    for (let suite = left.shift(); suite !== undefined; suite = left.shift()) done.push(await runSuite(suite, env));
  };
  await Promise.all(Array.from({ length: SUITES_AT_A_TIME }, takeNext));
  return done;
}

function show(all: Result[]): Counts {
  const table = newTable(["Suite", "Passed", "Failed", "Skipped", "Seconds"]);
  for (const { name, passed, failed, skipped, seconds } of all) {
    table.push([name, ...[passed, failed, skipped].map((count) => right(String(count))), right(seconds.toFixed(0))]);
  }
  console.log(table.toString());
  const sum = (key: keyof Counts): number => all.reduce((total, result) => total + result[key], 0);
  return { passed: sum("passed"), failed: sum("failed"), skipped: sum("skipped") };
}

runTool(async () => {
  const only = process.argv.slice(2);
  const suites = SUITES.filter(({ name }) => only.length === 0 || only.includes(name));
  const names = SUITES.map(({ name }) => name);
  if (only.some((name) => !names.includes(name))) {
    throw new ToolError(
      `no such suite: ${only.find((name) => !names.includes(name)) ?? ""}; there are ${names.join(", ")}`,
    );
  }
  await checkMachine();
  // The rebuilt runtimes of Glue run on Spark.
  if (suites.some(({ name }) => ["pytest glue", "pytest glue runtimes", "pytest airflow"].includes(name)))
    await checkJava();
  rmSync(results, { recursive: true, force: true });
  mkdirSync(results, { recursive: true });
  console.log("Python environments and database servers: started");
  await Promise.all([
    // Several suites start them at once.
    ...((process.env["MYSQL_URL"] ?? "") === "" ? [installServer("mysql"), installServer("mariadb")] : []),
    pythonEnvironment("emulator", path.join(repositoryRoot, "local", "requirements.txt")),
    pythonEnvironment("policy", path.join(repositoryRoot, "local", "policy.txt")),
    ...["glue", "airflow", "web_app_double"].map((name) =>
      pythonEnvironment(name, path.join(repositoryRoot, name, "requirements.txt")),
    ),
  ]);
  const environment = { ...terraformEnvironment(), ...FEWER_COLLECTIONS };
  const { passed, failed, skipped } = show(await runAll(suites, environment));
  if (failed > 0) process.exitCode = 1;
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
});
