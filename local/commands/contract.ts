import { existsSync } from "node:fs";
import path from "node:path";
import { serversFolder } from "../environment/left-running";
import { contractReport, runContract, setUpWebApp, targetFile } from "../environment/web-app-double";
import { repositoryRoot } from "../tools/paths";
import { runTool } from "../tools/run-tool";
import { ToolError } from "../tools/tool-error";

// Runs the web app's contract on what `make demo` left running.
runTool(async () => {
  const target = targetFile(serversFolder);
  if (!existsSync(target)) throw new ToolError("nothing is deployed here: run make demo first");
  await setUpWebApp();
  const { code } = await runContract(target, (line) => console.log(line));
  console.log(`The table is in ${path.relative(repositoryRoot, contractReport)}`);
  process.exitCode = code;
});
