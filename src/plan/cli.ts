#!/usr/bin/env node
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { runCommand, type Work } from "../schema/run-command";
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

function read(args: string[]): Work | "help" {
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
  const options = {
    files: positionals,
    output,
    migrations: folder === undefined || baseFolder === undefined ? undefined : ([folder, baseFolder] as const),
    allowed: values["allow-destroy"] ?? [],
    drift: values.drift === true,
  };
  return () => write(options);
}

/** Writes the comment; 1 where data would be lost, Terraform refuses a plan, or something drifted. */
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

void runCommand({ usage: USAGE, errorName: "PlanError", read });
