import path from "node:path";
import { installServer } from "../servers/mysql/install";
import { checkMachine } from "../tools/machine";
import { repositoryRoot } from "../tools/paths";
import { pythonEnvironment } from "../tools/python-environment";
import { runTool } from "../tools/run-tool";

/** Sets up Python and the MySQL server that `glue/tests` starts. */
runTool(async () => {
  await checkMachine();
  console.log("Python environment and MySQL: a minute or so the first time");
  await pythonEnvironment("glue", path.join(repositoryRoot, "glue", "requirements.txt"));
  if ((process.env["MYSQL_URL"] ?? "") === "") await installServer("mysql");
});
