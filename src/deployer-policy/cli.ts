#!/usr/bin/env node
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { DeployerPolicyError } from "./deployer-policy-error";
import { deployerPolicies } from "./policies";
import { SynthesizedStack } from "./synthesized-stack";

const USAGE = `Usage: xray-deployer-policy <environment or stacks> [--output cdktf.out/deployer-policy]

  Writes the IAM policies that let somebody deploy the synthesized stacks, in as many files as IAM's limit asks for.
  --output  folder of the files <first name>-deployer-<n>.json`;

/** The stacks of an environment, in the order of their first deploy. */
const KINDS = ["state-backend", "data-lake", "metadata-schema"];

/** Exit codes: 0 for written files, 1 for stacks that give no policy, 2 for a command that is not understood. */
function main(args: string[]): number {
  let options;
  try {
    options = parseArgs({
      args,
      allowPositionals: true,
      options: { output: { type: "string" }, help: { type: "boolean" } },
    });
    if (options.values.help !== true && options.positionals.length === 0) throw new Error("no stack is named");
  } catch (error) {
    console.error(`error: ${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  if (options.values.help === true) {
    console.log(USAGE);
    return 0;
  }
  try {
    for (const file of writePolicies(options.positionals, options.values.output)) console.log(file);
    return 0;
  } catch (error) {
    if ((error as Error).name !== "DeployerPolicyError") throw error;
    console.error(`error: ${(error as Error).message}`);
    return 1;
  }
}

function writePolicies(names: string[], output?: string): string[] {
  const out = process.env.CDKTF_OUTDIR ?? "cdktf.out";
  const stacks = names.flatMap((name) => findStacks(name, path.join(out, "stacks")));
  const folder = output ?? path.join(out, "deployer-policy");
  mkdirSync(folder, { recursive: true });
  const prefix = `${names[0]}-deployer-`;
  // One more from an earlier run would be attached, too.
  for (const file of readdirSync(folder).filter((old) => old.startsWith(prefix))) rmSync(path.join(folder, file));
  return deployerPolicies(stacks).map((policy, index) => {
    const file = path.join(folder, `${prefix}${index + 1}.json`);
    writeFileSync(file, `${JSON.stringify(policy, null, 2)}\n`);
    return file;
  });
}

function findStacks(name: string, folder: string): SynthesizedStack[] {
  const candidates = [name, ...KINDS.map((kind) => `${name}-${kind}`)];
  const found = candidates.filter((stack) => existsSync(path.join(folder, stack, "cdk.tf.json")));
  if (found.length > 0) return found.map((stack) => new SynthesizedStack(stack, path.join(folder, stack)));
  throw new DeployerPolicyError(
    `no stack ${name} or ${name}-data-lake below ${folder}: run cdktf synth first, from this folder`,
  );
}

process.exitCode = main(process.argv.slice(2));
