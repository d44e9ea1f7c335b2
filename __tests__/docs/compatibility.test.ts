import { readFileSync } from "node:fs";
import path from "node:path";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { TerraformStack } from "cdktf";
import { DataLakeBucket, DataLakeNetwork } from "../../src";
import { everyConstruct } from "../support/constructs";
import { synthesizeApp } from "../support/synth";

const page = readFileSync(path.join(__dirname, "..", "..", "docs", "compatibility.md"), "utf8");

/** Arguments and attributes that a version of the AWS provider removed or deprecates, by type. */
const DEPRECATED = new Map(
  [...page.matchAll(/^\| `(aws_\w+)` +\| ([^|]+) \|/gm)].map(([, type = "", names = ""]) => [
    type,
    [...names.matchAll(/`([\w.]+)`/g)].map(([, name = ""]) => name),
  ]),
);

/** Paths of the arguments in a block, those in lists of blocks too. */
function pathsOf(block: unknown, parent = ""): string[] {
  if (Array.isArray(block)) return block.flatMap((one) => pathsOf(one, parent));
  if (typeof block !== "object" || block === null) return [];
  return Object.entries(block).flatMap(([name, value]) => {
    const own = parent === "" ? name : `${parent}.${name}`;
    return [own, ...pathsOf(value, own)];
  });
}

test("no construct uses what a version of the AWS provider removed or deprecates", () => {
  expect(DEPRECATED.get("aws_region")).toEqual(["id", "name"]);
  expect(DEPRECATED.get("aws_s3_bucket")?.length).toBeGreaterThan(10);
  const stacks = synthesizeApp((app) => {
    const scope = new TerraformStack(app, "constructs");
    new AwsProvider(scope, "aws", { region: "eu-central-1" });
    everyConstruct((id) => ({ scope, id }));
    DataLakeBucket.fromBucketName(scope, "Imported", "images");
    new DataLakeNetwork(scope, "Watched", { flowLogs: {} });
  });
  const used = new Set<string>();
  const types = new Set<string>();
  for (const { text } of Object.values(stacks)) {
    const { resource, data } = JSON.parse(text) as Record<string, Record<string, Record<string, object>>>;
    for (const [type, blocks] of [...Object.entries(resource ?? {}), ...Object.entries(data ?? {})]) {
      types.add(type);
      const written = new Set(Object.values(blocks).flatMap((block) => pathsOf(block)));
      for (const name of DEPRECATED.get(type) ?? []) {
        if (written.has(name)) used.add(`${type}.${name}`);
        // A reference: `aws_region.<id>.name`.
        if (new RegExp(`\\b${type}\\.[\\w-]+\\.${name}\\b`).test(text)) used.add(`${type}.${name}`);
      }
    }
  }
  expect([...used]).toEqual([]);
  expect([...DEPRECATED.keys()].filter((type) => !types.has(type))).toEqual([]);
});
