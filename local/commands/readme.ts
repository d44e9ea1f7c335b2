import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { StackPlans } from "../environment/stack-plans";
import { userEnvironment } from "../packages/consumer";
import { installMatrixTools, nodeOf } from "../packages/matrix-tools";
import { readmeProject, writeProject, writtenLines } from "../packages/readme-project";
import { packTarballs } from "../packages/tarballs";
import { localPath } from "../tools/paths";
import { runCommand } from "../tools/run-command";
import { runTool } from "../tools/run-tool";
import { newTable, right } from "../tools/table";

/** The newest Node.js that the pages name for each command line. */
const NEWEST_NODE = { cdktf: "22", cdktn: "24" } as const;
type Cdk = keyof typeof NEWEST_NODE;

// Follows the README from an empty folder to a plan, with each of the two packages and the newest versions of all others.
runTool(async () => {
  await installMatrixTools();
  const tarballs = await packTarballs(localPath("readme"));
  // npm looks for a project in the folders above.
  const folder = mkdtempSync(path.join(tmpdir(), "readme-"));
  const table = newTable(["Package", "Lines", "Install s", "Synth s", "Plan s", "To add", "AWS provider"]);
  const plans = await StackPlans.start();
  try {
    for (const [cdk, node] of Object.entries(NEWEST_NODE) as [Cdk, string][]) {
      const env = userEnvironment();
      env["PATH"] = [path.dirname(nodeOf(node)), env["PATH"]].join(path.delimiter);
      const name = `${cdk}-xray-data-lake`;
      const cwd = path.join(folder, cdk);
      const project = readmeProject(cdk);
      writeProject(project, cwd);
      const timed = async <T>(step: string, run: () => Promise<T>): Promise<[T, string]> => {
        console.log(`${name}: ${step}`);
        const start = Date.now();
        const result = await run();
        return [result, ((Date.now() - start) / 1000).toFixed(1)];
      };
      const shell = async (command: string): Promise<void> => {
        await runCommand("sh", ["-c", command], { cwd, env });
      };
      const [, install] = await timed("install", async () => {
        for (const command of project.commands) await shell(command.replace(` ${name} `, ` ${tarballs[cdk]} `));
      });
      const [, synth] = await timed("synth", () => shell(`npx ${cdk} synth`));
      const [planned, plan] = await timed("plan", () => plans.plan(path.join(cwd, "cdktf.out", "stacks", "x-ray")));
      table.push(
        [name, writtenLines(project), install, synth, plan, planned.resources.length, planned.awsVersion].map((cell) =>
          right(String(cell)),
        ),
      );
    }
  } finally {
    await plans.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(table.toString());
});
