import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { CdktfProject } from "./cdktf-project";
import { mysqlDataFolder } from "./local-environment";
import { localPath, repositoryRoot } from "./paths";
import { terraformEnvironment } from "./terraform-cli-config";
import { runTool, ToolError } from "./tool-error";
import { contractReport, runContract, setUpWebApp, writeTarget } from "./web-app";

// Runs the web app's contract on what `make demo` left running.
runTool(async () => {
  const summaryFile = localPath("summary.json");
  if (!existsSync(summaryFile)) throw new ToolError("nothing is deployed here: run make demo first");
  const { emulatorEndpoint } = JSON.parse(readFileSync(summaryFile, "utf8")) as { emulatorEndpoint: string };
  const { outputs } = await new CdktfProject(repositoryRoot, terraformEnvironment()).readState("local-data-lake");
  await setUpWebApp();
  const caFile = path.join(mysqlDataFolder, "server.pem");
  const target = writeTarget(localPath("run"), { endpoint: emulatorEndpoint, outputs, caFile });
  const { code } = await runContract(target, (line) => console.log(line));
  console.log(`The table is in ${path.relative(repositoryRoot, contractReport)}`);
  process.exitCode = code;
});
