#!/usr/bin/env node
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { comment, faultsOf, type Report } from "./comment";
import { newMigrations } from "./new-migrations";
import { PlanError } from "./plan-error";
import { readPlan } from "./terraform-plan";

const USAGE = `Usage: xray-plan <stack>.json [<stack>.json …] [--output <file>]

  Writes a comment for a pull request, in Markdown, from the JSON of each stack's plan:
  terraform plan -out=plan.bin, terraform show -json plan.bin > <stack>.json

  --output           file of the comment (default: the terminal)
  --migrations       folder of the migrations, with --base-migrations: shows those that the pull request adds
  --base-migrations  folder of the migrations as the base branch has them
  --allow-destroy    <stack>:<address> of a resource whose data may be lost; can be repeated
  --drift            the plans are of what is deployed: any change is a fault`;

/** Exit codes: 1 where data would be lost, Terraform refuses a plan, or something drifted; 2 for a command that is not understood. */
function main(args: string[]): number {
  let options;
  try {
    options = readOptions(args);
  } catch (error) {
    console.error(`error: ${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  if (options === "help") {
    console.log(USAGE);
    return 0;
  }
  try {
    return write(options);
  } catch (error) {
    if ((error as Error).name !== "PlanError") throw error;
    console.error(`error: ${(error as Error).message}`);
    return 1;
  }
}

/** Options of the command. */
interface Options {
  /** Files of the plans' JSON. */
  readonly files: readonly string[];
  /**
   * File of the comment.
   * @default - the terminal
   */
  readonly output?: string;
  /**
   * Folders of the migrations: those of the pull request, and those of its base.
   * @default - not looked at
   */
  readonly migrations?: readonly [string, string];
  /** Resources whose data may be lost. */
  readonly allowed: readonly string[];
  /** Any change is a fault. */
  readonly drift: boolean;
}

function readOptions(args: string[]): Options | "help" {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      output: { type: "string" },
      migrations: { type: "string" },
      "base-migrations": { type: "string" },
      "allow-destroy": { type: "string", multiple: true },
      drift: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) return "help";
  if (positionals.length === 0) throw new Error("no plan is named");
  const { output, migrations: folder, "base-migrations": baseFolder } = values;
  if ((folder === undefined) !== (baseFolder === undefined)) {
    throw new Error("--migrations and --base-migrations go together");
  }
  return {
    files: positionals,
    output,
    migrations: folder === undefined || baseFolder === undefined ? undefined : [folder, baseFolder],
    allowed: values["allow-destroy"] ?? [],
    drift: values.drift === true,
  };
}

function write({ files, output, migrations, allowed, drift }: Options): number {
  const report: Report = {
    plans: files.map(readPlan),
    ...(migrations && { migrations: newMigrations(...migrations) }),
    allowed,
    drift,
  };
  const text = comment(report);
  if (output === undefined) process.stdout.write(text);
  else writeTo(output, text);
  const faults = faultsOf(report);
  for (const fault of faults) console.error(`error: ${fault}`);
  return faults.length === 0 ? 0 : 1;
}

function writeTo(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new PlanError(`--output ${file} cannot be written: ${(error as Error).message}`);
  }
}

process.exitCode = main(process.argv.slice(2));
