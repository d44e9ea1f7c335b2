import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "@cdktf/hcl2json";

/** The files of a stack's folder in HCL, and those in JSON beside them, as one stack in Terraform's JSON. */
export async function readHcl(folder: string): Promise<Record<string, unknown>> {
  const stack: Record<string, unknown> = {};
  for (const file of readdirSync(folder).sort()) {
    const text = () => readFileSync(path.join(folder, file), "utf8");
    if (file.endsWith(".tf")) merge(stack, await parse(file, text()));
    else if (file.endsWith(".tf.json")) merge(stack, JSON.parse(text()) as Record<string, unknown>);
  }
  return stack;
}

/** Adds blocks, which stand below their type and name; the parser gives each in a list. */
function merge(into: Record<string, unknown>, blocks: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(blocks)) {
    const [there, added] = [alone(into[name]), alone(value)];
    if (isObject(there) && isObject(added)) {
      merge(there, added);
      into[name] = there;
    } else into[name] = added;
  }
}

const alone = (value: unknown): unknown => (Array.isArray(value) && value.length === 1 ? value[0] : value) as unknown;
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
