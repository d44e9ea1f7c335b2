import { Command, Argument } from "commander";
import { Listr } from "listr2";
import { ToolError } from "../tool-error";
import { type ServerKind, installServer } from "./install";

const program = new Command("setup")
  .description("puts a real database server into .local/mysql; nothing on the system changes")
  .addArgument(new Argument("[kind]", "which server").choices(["mysql", "mariadb"]).default("mysql"))
  .action(async (kind: ServerKind) => {
    const tasks = new Listr([
      {
        title: `${kind} server`,
        task: async (_context, task) => {
          const launcher = await installServer(kind, (step) => (task.output = step));
          task.title = `${kind} server: ${launcher}`;
        },
      },
    ]);
    await tasks.run();
  });

// listr2 has shown the failure of the task already.
program.parseAsync().catch((error: unknown) => {
  if (!(error instanceof ToolError)) console.error(error);
  process.exitCode = 1;
});
