import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

/** Variables that turn on every option of the environments, so that their stacks have every block. */
export const EVERY_OPTION = {
  ALARM_EMAIL: "on-call@example.org",
  DEV_ALARM_EMAIL: "dev@example.org",
  DEV_BASTION: "true",
  DEV_STATE_BUCKET: "dev-state",
  PROD_BASTION: "true",
  PROD_STATE_BUCKET: "prod-state",
};

/** Parts of a stack that Terraform plans by; `//` is cdktf's own. */
const SECTIONS = ["data", "ephemeral", "output", "provider", "resource", "terraform"];

/** The synthesized stacks below a folder, in Terraform's JSON, by name. */
export function readStacks(outdir: string): Record<string, Record<string, unknown>> {
  const stacks = path.join(outdir, "stacks");
  const file = (stack: string): string => path.join(stacks, stack, "cdk.tf.json");
  return Object.fromEntries(
    readdirSync(stacks)
      .filter((stack) => existsSync(file(stack)))
      .sort()
      .map((stack) => [stack, JSON.parse(readFileSync(file(stack), "utf8")) as Record<string, unknown>]),
  );
}

/**
 * Each attribute of a stack by its address, as `resource.aws_s3_bucket.Bucket.force_destroy`. A block is the same alone, as
 * Terraform's JSON has it, and in a list of one.
 */
export function attributesOf(stack: Record<string, unknown>): Map<string, string> {
  const attributes = new Map<string, string>();
  const visit = (value: unknown, address: string): void => {
    const isBlock = Array.isArray(value) && value.length === 1 && typeof value[0] === "object";
    const inner: unknown = isBlock ? (value as unknown[])[0] : value;
    const isTree = typeof inner === "object" && inner !== null;
    const entries = isTree ? Object.entries(inner).filter(([name]) => name !== "//") : [];
    if (entries.length === 0) attributes.set(address, isTree ? "{}" : JSON.stringify(inner));
    for (const [name, part] of entries) visit(part, `${address}.${name}`);
  };
  for (const section of SECTIONS) if (stack[section] !== undefined) visit(stack[section], section);
  return attributes;
}

/** Addresses of the attributes that only one of the two has, or that they have with other values. */
export function differences(one: Map<string, string>, other: Map<string, string>): string[] {
  return [...new Set([...one.keys(), ...other.keys()])].filter((address) => one.get(address) !== other.get(address));
}
