import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { repositoryRoot } from "../tools/paths";
import { runCommand } from "../tools/run-command";

/** The tarballs of both packages, as `npm publish` sends them, by the package's Terraform CDK. */
export async function packTarballs(folder: string): Promise<Record<"cdktf" | "cdktn", string>> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await runCommand(process.execPath, [path.join(repositoryRoot, "scripts", "write-cdktn-package.js"), folder]);
  const pack = async (cdk: string): Promise<string> => {
    const { stdout } = await runCommand(
      "npm",
      ["pack", "--json", "--ignore-scripts", "--pack-destination", folder, path.join(folder, `${cdk}-xray-data-lake`)],
      { cwd: folder },
    );
    const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
    return path.join(folder, filename);
  };
  return { cdktf: await pack("cdktf"), cdktn: await pack("cdktn") };
}

/** Holds a tarball against the rules of publint and of are-the-types-wrong; both end with an error at a finding. */
export async function checkTarball(tarball: string): Promise<void> {
  for (const [tool, ...args] of [
    ["publint", "--strict", tarball],
    ["attw", tarball],
  ] as const) {
    await runCommand(path.join(repositoryRoot, "node_modules", ".bin", tool), args);
  }
}
