import path from "node:path";
import { checkMachine } from "../tools/machine";
import { localPath, repositoryRoot } from "../tools/paths";
import { pythonEnvironment } from "../tools/python-environment";
import { runSteps } from "../tools/steps";
import { copyApp } from "../environment/app-copy";
import { lockRun } from "../tools/run-lock";
import { runTool } from "../tools/run-tool";
import { runWebApp, setUpWebApp } from "../environment/web-app-double";
import { Deployment } from "../environment/deployment";
import { FULL_YEAR } from "./simulation/year-plan";
import { PlayedYear } from "./simulation/played-year";
import { weekTable } from "./simulation/week-table";

const SEED = 1;

runTool(async () => {
  lockRun("year");
  const folder = localPath("year");
  const deployment = new Deployment({ projectFolder: folder, serversFolder: folder, keepEmulatorState: true });
  const year = new PlayedYear(deployment, FULL_YEAR, SEED);
  const picture = path.join(folder, "year");
  try {
    await runSteps([
      {
        title: "Check the machine",
        run: async () => {
          await checkMachine();
          return undefined;
        },
      },
      {
        title: "Set up Python",
        run: async (show) => {
          await pythonEnvironment("emulator", path.join(repositoryRoot, "local", "requirements.txt"), show);
          await pythonEnvironment("glue", path.join(repositoryRoot, "glue", "requirements.txt"), show);
          await setUpWebApp(show);
          return undefined;
        },
      },
      {
        title: "Deploy",
        run: async (show) => {
          copyApp(folder);
          await deployment.start(show);
          return `MySQL ${deployment.mysql.version}, schema by the ${deployment.schemaPath}`;
        },
      },
      ...year.steps,
      {
        title: "Draw the year",
        run: async () => {
          await runWebApp("usage.picture", [path.join(folder, "report.json"), picture]);
          return undefined;
        },
      },
    ]);
  } finally {
    await deployment.stop();
  }
  console.log(`\n${weekTable(year.weeks)}`);
  console.log(`\nWhat users met with: ${JSON.stringify(year.met)}`);
  console.log(`No row is lost, changed or kept twice: ${JSON.stringify(year.finding)}`);
  console.log(`The report and its picture: ${path.relative(repositoryRoot, folder)}/report.json, year.svg, year.png`);
});
