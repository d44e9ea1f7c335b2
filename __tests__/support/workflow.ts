import { readFileSync } from "node:fs";
import path from "node:path";
import { repositoryRoot } from "../../local/tools/paths";

/** The commands of a step of the workflow that plans. */
export function stepOf(name: string): string {
  const text = readFileSync(path.join(repositoryRoot, ".github", "workflows", "plan.yml"), "utf8");
  const [, rest = ""] = text.split(`      - name: ${name}\n`);
  const [, block = ""] = /^(?: {8}(?! ).*\n| {10}.*\n)*? {8}run: \|\n((?: {10}.*\n)+)/.exec(rest) ?? [];
  return block.replaceAll(/^ {10}/gm, "");
}
