import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { terraformEnvironment } from "../../local/terraform-cli-config";
import { LOCK_FILE_NAME, writeLock } from "../../src/schema/lock";
import { readMigrations } from "../../src/schema/migration";
import { synthesizeSchema } from "../mysql/support/synth";
import { run } from "./run";
import type { Run, SchemaTool, Site } from "./tool";

const migrations = (site: Site): string => path.join(site.folder, "migrations");

/** What `cdktf synth` refuses never reaches Terraform. */
async function terraform(site: Site, ...args: string[]): Promise<Run> {
  let stackFile;
  try {
    const props = { databaseName: site.database, migrationsFolder: migrations(site) };
    stackFile = synthesizeSchema(props, { mysql: site.server }, site.folder);
  } catch (error) {
    return { code: 1, output: (error as Error).message };
  }
  const folder = path.dirname(stackFile);
  const environment = { ...terraformEnvironment(), MYSQL_PASSWORD: site.server.rootPassword };
  const init = await run("terraform", ["init", "-input=false", "-no-color"], folder, environment);
  return init.code === 0 ? run("terraform", [...args, "-input=false", "-no-color"], folder, environment) : init;
}

/** This package, through the real Terraform and its MySQL provider. */
export const thisPackage: SchemaTool = {
  name: "this",
  write(site, steps) {
    const folder = migrations(site);
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(folder)) if (name.endsWith(".sql")) rmSync(path.join(folder, name));
    steps.forEach(({ statements }, index) =>
      writeFileSync(path.join(folder, `V000${index + 1}__step.sql`), `${statements.join(";\n")};\n`),
    );
  },
  seal(site) {
    rmSync(path.join(migrations(site), LOCK_FILE_NAME), { force: true });
    try {
      writeLock(migrations(site), readMigrations(migrations(site)));
      return Promise.resolve({ code: 0, output: "" });
    } catch (error) {
      return Promise.resolve({ code: 1, output: (error as Error).message });
    }
  },
  deploy: (site) => terraform(site, "apply", "-auto-approve"),
  preview: (site) => terraform(site, "plan"),
  drift: (site) => terraform(site, "plan"),
  destroy: (site) => terraform(site, "destroy", "-auto-approve"),
  historyTable: "schema_migration",
  loseState(site) {
    rmSync(path.join(site.folder, "stacks", "schema", "schema.tfstate"));
  },
  says: {
    editedFile: /was edited after it was locked/,
    editedAndSealed: /Instance cannot be destroyed/,
    narrowedColumn: /may lose data: ALTER TABLE … MODIFY name VARCHAR\(3\)/,
    narrowedUnstrict: /may lose data: ALTER TABLE … MODIFY name VARCHAR\(3\)/,
    droppedColumn: /may lose data: ALTER TABLE … DROP COLUMN age/,
    lostHistory: /schema_migration' doesn't exist/,
    destroy: /Instance cannot be destroyed/,
  },
  help: {},
};
