import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { runCommand } from "../tools/run-command";
import { repositoryRoot } from "../tools/paths";

/**
 * Copies the compiled app and its migrations into a folder that is made anew, so that a build meanwhile changes nothing there.
 *
 * @param app file that is run in place of the repository's app; it is copied beside `dist`
 */
export function copyApp(folder: string, app?: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const part of ["dist", "sql"]) {
    cpSync(path.join(repositoryRoot, part), path.join(folder, part), { recursive: true });
  }
  if (app !== undefined) cpSync(app, path.join(folder, path.basename(app)));
  const main = app === undefined ? "dist/main.js" : path.basename(app);
  const configuration = { language: "typescript", app: `node ${main}`, sendCrashReports: "false" };
  writeFileSync(path.join(folder, "cdktf.json"), JSON.stringify(configuration));
}

/** Adds a migration to a copy of the app and locks it. */
export async function addMigration(folder: string, name: string, sql: string): Promise<void> {
  const migrations = path.join(folder, "sql", "migrations");
  const next = readdirSync(migrations).filter((file) => /^V\d+__/.test(file)).length + 1;
  writeFileSync(path.join(migrations, `V${String(next).padStart(4, "0")}__${name}.sql`), sql);
  await runCommand("node", ["dist/schema/cli.js", "lock"], { cwd: folder });
}
