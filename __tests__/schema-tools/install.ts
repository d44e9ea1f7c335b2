import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { localPath } from "../../local/tools/paths";
import { runCommand } from "../../local/tools/run-command";

const sources = path.join(__dirname, "tools");

/** Folder of the tools: `bin` holds programs, `lib` Java archives. */
export const toolsFolder = localPath("schema-tools");

/** The class path of Flyway and Liquibase. */
export const classPath = [path.join(toolsFolder, "classes"), path.join(toolsFolder, "lib", "*")].join(":");

/** The path of a program that {@link install} has built. */
export function program(name: string): string {
  return path.join(toolsFolder, "bin", name);
}

/**
 * Fetches each tool, at the version that `tools/` pins, from the package registry of its language.
 *
 * @throws ToolError where Maven, a JDK or Go is missing, or a registry does not answer
 */
export default async function install(): Promise<void> {
  mkdirSync(toolsFolder, { recursive: true });
  await once("Flyway and Liquibase", path.join(toolsFolder, "classes", "FlywayCommand.class"), fetchJavaTools);
  await once("Skeema", program("skeema"), () => buildGoTool("skeema", "github.com/skeema/skeema"));
  await once("Atlas (some minutes)", program("atlas"), () => buildGoTool("atlas", "ariga.io/atlas/cmd/atlas"));
}

async function once(title: string, result: string, make: () => Promise<unknown>): Promise<void> {
  if (existsSync(result)) return;
  process.stderr.write(`${title}: fetching\n`);
  await make();
}

async function fetchJavaTools(): Promise<void> {
  // Maven writes a target folder beside the file it is given.
  copyFileSync(path.join(sources, "pom.xml"), path.join(toolsFolder, "pom.xml"));
  const lib = path.join(toolsFolder, "lib");
  const copy = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";
  await runCommand("mvn", ["--batch-mode", copy, `-DoutputDirectory=${lib}`], {
    cwd: toolsFolder,
    logFile: log("mvn"),
  });
  const classes = path.join(toolsFolder, "classes");
  const source = path.join(sources, "FlywayCommand.java");
  await runCommand("javac", ["-cp", path.join(lib, "*"), "-d", classes, source], { logFile: log("javac") });
}

function buildGoTool(name: string, module: string): Promise<unknown> {
  return runCommand("go", ["build", "-o", program(name), module], {
    cwd: path.join(sources, name),
    logFile: log(name),
  });
}

function log(name: string): string {
  return localPath("log", `schema-tools-${name}.log`);
}
