import path from "node:path";
import Table from "cli-table3";
import { checkMachine } from "./machine";
import { localPath, repositoryRoot } from "./paths";
import { pythonEnvironment } from "./python-environment";
import { runSteps } from "./steps";
import { terraformEnvironment } from "./terraform-cli-config";
import { checkAwsProvider } from "./terraform-providers";
import { runTool } from "./tool-error";
import { runWebApp, setUpWebApp } from "./web-app";
import { Deployment } from "./year/deployment";
import { FULL_YEAR } from "./year/plan";
import { Year, type Week } from "./year/year";

const SEED = 1;

function showWeeks(weeks: Week[]): void {
  const right = (value: number, digits = 0): Table.Cell => ({ content: value.toFixed(digits), hAlign: "right" });
  const table = new Table({
    head: ["Week", "From", "Predictions", "Rows in database", "Rows archived", "Snapshot MB", "Seconds", "Besides"],
    style: { compact: true, head: [], border: [] },
  });
  for (const week of weeks) {
    const seconds = Object.values(week.seconds).reduce((sum, one) => sum + one, 0);
    table.push([
      right(week.week),
      week.first,
      right(week.predictions),
      right(week.rowsInDatabase),
      right(week.archiveRows),
      right(week.snapshotBytes / 1e6, 1),
      right(seconds, 1),
      week.events.join(", "),
    ]);
  }
  console.log(`\n${table.toString()}`);
}

runTool(async () => {
  const deployment = new Deployment(localPath("year"));
  const year = new Year(deployment, FULL_YEAR, SEED);
  const picture = path.join(deployment.folder, "year");
  try {
    await runSteps([
      {
        title: "Check the machine",
        run: async () => {
          await checkMachine();
          await checkAwsProvider(terraformEnvironment());
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
          await deployment.start(show);
          return `MySQL ${deployment.mysql.version}, schema by the ${deployment.schemaPath}`;
        },
      },
      ...year.steps,
      {
        title: "Draw the year",
        run: async () => {
          await runWebApp("year.picture", [path.join(deployment.folder, "report.json"), picture]);
          return undefined;
        },
      },
    ]);
  } finally {
    await deployment.stop();
  }
  showWeeks(year.weeks);
  console.log(`\nWhat users met with: ${JSON.stringify(year.met)}`);
  console.log(`No row is lost, changed or kept twice: ${JSON.stringify(year.finding)}`);
  console.log(
    `The report and its picture: ${path.relative(repositoryRoot, deployment.folder)}/report.json, year.svg, year.png`,
  );
});
