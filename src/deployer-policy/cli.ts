#!/usr/bin/env node
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { runCommand, type Work } from "../schema/run-command";
import { DeployerPolicyError } from "./deployer-policy-error";
import { deployerPolicies } from "./policies";
import { SynthesizedStack } from "./synthesized-stack";

const USAGE = `Usage: xray-deployer-policy <environment or stacks> [--output cdktf.out/deployer-policy]

  Writes the IAM policies that let somebody deploy the synthesized stacks, in as many files as IAM's limit asks for.
  --output  folder of the files <first name>-deployer-<n>.json`;

/** The stacks of an environment, in the order of their first deploy. */
const KINDS = ["state-backend", "data-lake", "metadata-schema"];

function read(args: string[]): Work | "help" {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { output: { type: "string" }, help: { type: "boolean" } },
  });
  if (values.help === true) return "help";
  if (positionals.length === 0) throw new Error("no stack is named");
  return () => {
    for (const file of writePolicies(positionals, values.output)) console.log(file);
    return 0;
  };
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

void runCommand({ usage: USAGE, errorName: "DeployerPolicyError", read });
