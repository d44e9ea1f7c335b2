import { mkdirSync } from "node:fs";
import path from "node:path";
import { repositoryRoot } from "../../../local/tools/paths";

/** Examples that make stacks, and their stack of AWS's resources. */
export const EXAMPLES: Record<string, string> = {
  "hand-made-parity": "hand-made-data-lake",
  "own-data-model": "slide-registry",
  "own-stack": "own-lake",
  "adopt-hand-made-set-up": "adopted-lake",
};

/** Synthesizes an example as its main.ts does, in this process; returns the folder of its stack. */
export async function synthesizeExample(name: string, outdir: string): Promise<string> {
  mkdirSync(outdir, { recursive: true });
  process.env["CDKTF_OUTDIR"] = outdir;
  try {
    await jest.isolateModulesAsync(() => import(path.join(repositoryRoot, "examples", name, "main")));
  } finally {
    delete process.env["CDKTF_OUTDIR"];
  }
  return path.join(outdir, "stacks", EXAMPLES[name] ?? "");
}
