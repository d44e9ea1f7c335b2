import type { Environment } from "../../src/stacks/environment";
import { environments } from "../../src/stacks/environments";
import { synthesizeApp } from "../support/synth";
import { addEnvironment } from "./support";

type Blocks = Record<string, Record<string, Record<string, unknown>>>;

/** The blocks of an environment's data lake by their addresses. */
function blocks(environment: Environment): Record<string, string> {
  const stack = synthesizeApp((app) => void addEnvironment(app, environment))["prod-data-lake"];
  const { resource = {}, data = {} } = JSON.parse(stack?.text ?? "{}") as { resource?: Blocks; data?: Blocks };
  return Object.fromEntries(
    Object.entries({ ...resource, ...data }).flatMap(([type, ofType]) =>
      Object.entries(ofType).map(([id, block]) => [`${type}.${id}`, JSON.stringify(block)]),
    ),
  );
}

test("a lake that gets a bucket for its backups keeps every resource, and changes none that holds data", () => {
  const prod = environments({}).find(({ name }) => name === "prod");
  if (prod === undefined) throw new Error("no environment prod");
  const after = blocks(prod);
  const before = blocks({ ...prod, backupBucket: undefined });
  expect(Object.keys(before).filter((address) => !(address in after))).toEqual([]);
  const changed = Object.keys(before).filter((address) => before[address] !== after[address]);
  // Where the jobs write and what they may: Terraform changes these in place.
  expect([...new Set(changed.map((address) => address.split(".")[0]))].sort()).toEqual([
    "aws_glue_catalog_table",
    "aws_glue_job",
    "aws_iam_policy_document",
  ]);
});
