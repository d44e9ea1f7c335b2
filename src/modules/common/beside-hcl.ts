import * as fs from "node:fs";
import * as path from "node:path";
import type { TerraformElement } from "cdktf";
import { resolve } from "cdktf/lib/_tokens";
import { addCustomSynthesis } from "cdktf/lib/synthesize/synthesizer";

/**
 * Keeps an element out of the `cdk.tf` that `cdktf synth --hcl` writes, and puts it into a `.tf.json` file beside it;
 * Terraform reads the two together. For what cdktf writes wrongly in HCL: blocks that it does not know, conditions and
 * `replace_triggered_by` of a lifecycle, and texts of several lines, which get a further one.
 */
export function writeBesideHcl(element: TerraformElement): void {
  element.toHclTerraform = () => ({});
  addCustomSynthesis(element, {
    onSynthesize: (session) => {
      const { synthesizedStackPath } = session.manifest.forStack(element.cdktfStack);
      const stackFile = path.join(session.outdir, synthesizedStackPath);
      const blockFile = path.join(path.dirname(stackFile), `${element.friendlyUniqueId}.tf.json`);
      if (stackFile.endsWith(".tf")) {
        fs.writeFileSync(blockFile, JSON.stringify(resolve(element.cdktfStack, element.toTerraform()), null, 2));
      } else {
        fs.rmSync(blockFile, { force: true }); // left by an earlier synth to HCL, it would declare the block twice
      }
    },
  });
}
