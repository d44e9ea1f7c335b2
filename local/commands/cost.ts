import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { defaultAssumptions, parseCommandLine } from "../cost/assumptions";
import { withReports } from "../cost/page";
import { costReport } from "../cost/report";
import { localPath, repositoryRoot } from "../tools/paths";
import { runCommand } from "../tools/run-command";
import { runTool } from "../tools/run-tool";

runTool(async () => {
  const { environment, write, assumptions } = parseCommandLine(process.argv.slice(2));
  const output = localPath("cost");
  rmSync(output, { recursive: true, force: true });
  await runCommand(process.execPath, ["dist/main.js"], { env: { ...process.env, CDKTF_OUTDIR: output } });
  if (environment !== undefined) console.log(costReport(output, environment, assumptions));
  if (!write) return;
  const page = path.join(repositoryRoot, "docs", "cost.md");
  writeFileSync(page, withReports(readFileSync(page, "utf8"), output, defaultAssumptions()));
});
