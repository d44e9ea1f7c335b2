import semver from "semver";
import { runCommand } from "./run-command";
import { ToolError } from "./tool-error";

interface Requirement {
  readonly command: string;
  readonly args: string[];
  /** Where the version stands in the command's output. */
  readonly version: RegExp;
  readonly range: string;
  readonly install: string;
}

const TERRAFORM: Requirement = {
  command: "terraform",
  args: ["version"],
  version: /Terraform v(\S+)/,
  range: ">=1.11.0",
  install: "https://developer.hashicorp.com/terraform/install",
};
const PYTHON: Requirement = {
  command: "python3",
  args: ["--version"],
  version: /Python (\S+)/,
  range: ">=3.10.0",
  install: "python3 and python3-venv of your system",
};
const NODE: Requirement = {
  command: process.execPath,
  args: ["--version"],
  version: /v(\S+)/,
  range: ">=20.19.0",
  install: "https://nodejs.org",
};

/**
 * The versions of what must be on the machine, by name.
 *
 * @throws ToolError where one is missing or too old
 */
export async function checkMachine(): Promise<Record<string, string>> {
  const versions: Record<string, string> = {};
  for (const [name, requirement] of Object.entries({ node: NODE, python3: PYTHON, terraform: TERRAFORM })) {
    versions[name] = await checkRequirement(name, requirement);
  }
  return versions;
}

async function checkRequirement(name: string, requirement: Requirement): Promise<string> {
  const { command, args, range, install } = requirement;
  const env = { ...process.env, CHECKPOINT_DISABLE: "1" };
  const output = await runCommand(command, args, { env }).then(
    (result) => result.output,
    () => undefined,
  );
  const wanted = `${name} ${range.replace(".0", "")}`;
  if (output === undefined) throw new ToolError(`${wanted} is needed and not on this machine: install it (${install})`);
  const version = semver.coerce(requirement.version.exec(output)?.[1]);
  if (version === null || !semver.satisfies(version, range)) {
    throw new ToolError(
      `${wanted} is needed, this machine has ${version?.version ?? "another program"}: install a newer one (${install})`,
    );
  }
  return version.version;
}
