import semver from "semver";
import { runCommand } from "./run-command";
import { isOpenTofu, terraformBinary } from "./terraform-binary";
import { ToolError } from "./tool-error";

interface Requirement {
  readonly command: string;
  readonly args: string[];
  /** Pattern of the version in the command's output. */
  readonly version: RegExp;
  readonly range: string;
  readonly install: string;
  /**
   * The Debian package that brings it.
   * @default - none
   */
  readonly debianPackage?: string;
}

const TERRAFORM: Requirement = {
  command: "terraform",
  args: ["version"],
  version: /Terraform v(\S+)/,
  range: ">=1.11.0",
  install: "https://developer.hashicorp.com/terraform/install",
};
const OPENTOFU: Requirement = {
  ...TERRAFORM,
  version: /OpenTofu v(\S+)/,
  install: "https://opentofu.org/docs/intro/install",
};
const PYTHON: Requirement = {
  command: "python3",
  // Debian's python3 has no ensurepip, which a virtual environment is made with.
  args: ["-c", "import ensurepip, platform; print('Python', platform.python_version())"],
  version: /Python (\S+)/,
  range: ">=3.11.0",
  install: "python3 and python3-venv of your system",
  debianPackage: "python3-venv",
};
const JAVA: Requirement = {
  command: "java",
  args: ["-version"],
  version: /version "(\S+)"/,
  range: ">=17.0.0 <18.0.0",
  install: "Java 17, which the Spark of Glue runs on",
  debianPackage: "openjdk-17-jre-headless",
};
const NODE: Requirement = {
  command: process.execPath,
  args: ["--version"],
  version: /v(\S+)/,
  range: ">=20.19.0",
  install: "https://nodejs.org",
};

function requirements(): Record<string, Requirement> {
  const command = terraformBinary();
  return {
    node: NODE,
    python3: PYTHON,
    ...(isOpenTofu() ? { opentofu: { ...OPENTOFU, command } } : { terraform: { ...TERRAFORM, command } }),
  };
}

/**
 * The versions of what must be on the machine, by name.
 *
 * @throws ToolError where one is missing or too old
 */
export async function checkMachine(): Promise<Record<string, string>> {
  const entries = Object.entries(requirements()).map(
    async ([name, requirement]) => [name, await checkRequirement(name, requirement)] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}

/**
 * The version of Java, which only Spark needs: the rebuilt runtimes of Glue, and the hand-made job of the benchmark.
 *
 * @throws ToolError where it is missing or another than 17
 */
export async function checkJava(): Promise<string> {
  return checkRequirement("java", JAVA);
}

async function checkRequirement(name: string, requirement: Requirement): Promise<string> {
  const { debianPackage, range, install } = requirement;
  const wanted = `${name} ${range.replaceAll(".0.0", "").replace(".0", "")}`;
  let output = await versionOutput(requirement);
  if (output === undefined && debianPackage !== undefined && (await installDebianPackage(debianPackage))) {
    output = await versionOutput(requirement);
  }
  if (output === undefined) throw new ToolError(`${wanted} is needed and not on this machine: install it (${install})`);
  const version = semver.coerce(requirement.version.exec(output)?.[1]);
  if (version === null || !semver.satisfies(version, range)) {
    throw new ToolError(
      `${wanted} is needed, this machine has ${version?.version ?? "another program"}: install another version (${install})`,
    );
  }
  return version.version;
}

/** Output of a program about its version; undefined where the program is missing. */
async function versionOutput({ command, args }: Requirement): Promise<string | undefined> {
  const env = { ...process.env, CHECKPOINT_DISABLE: "1" };
  return runCommand(command, args, { env }).then(
    ({ output }) => output,
    () => undefined,
  );
}

/** Installs a package where that needs nobody's leave: as root, on a machine that has apt. */
async function installDebianPackage(name: string): Promise<boolean> {
  if (process.getuid?.() !== 0) return false;
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  try {
    await runCommand("apt-get", ["update", "-q"], { env });
    await runCommand("apt-get", ["install", "-q", "-y", "--no-install-recommends", name], { env });
    return true;
  } catch {
    return false; // the caller says what to install
  }
}
