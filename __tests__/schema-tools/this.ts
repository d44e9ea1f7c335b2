import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { terraformEnvironment } from "../../local/environment/terraform-cli-config";
import { replayApply, replayDestroy } from "../../local/replayer/replayer";
import { LOCK_FILE_NAME, writeLock } from "../../src/schema/lock";
import { readMigrations } from "../../src/schema/migration";
import { synthesizeSchema } from "../mysql/support/synth";
import { mysqlProviderVersion } from "../mysql/support/terraform";
import { run } from "./run";
import type { RowId } from "./scenarios";
import type { Run, SchemaTool, Site } from "./tool";
import { terraformBinary } from "../../local/tools/terraform-binary";

const migrations = (site: Site): string => path.join(site.folder, "migrations");

/** Synthesizes, then acts; what `cdktf synth` or the replayer refuses is said in a line. */
async function synthesized(site: Site, act: (stackFile: string) => Promise<Run>): Promise<Run> {
  const props = { databaseName: site.database, migrationsFolder: migrations(site) };
  try {
    return await act(synthesizeSchema(props, { mysql: site.server }, site.folder));
  } catch (error) {
    return { code: 1, output: (error as Error).message };
  }
}

function terraform(site: Site, ...args: string[]): Promise<Run> {
  return synthesized(site, async (stackFile) => {
    const folder = path.dirname(stackFile);
    const environment = { ...terraformEnvironment(), MYSQL_PASSWORD: site.server.rootPassword };
    const init = await run(terraformBinary(), ["init", "-input=false", "-no-color"], folder, environment);
    return init.code === 0 ? run(terraformBinary(), [...args, "-input=false", "-no-color"], folder, environment) : init;
  });
}

function replay(site: Site, action: typeof replayApply): Promise<Run> {
  const { host, port, rootUser: user, rootPassword: password, caFile } = site.server;
  const readSecret = (): never => {
    throw new Error("a schema without users has no secrets");
  };
  return synthesized(site, async (stackFile) => {
    const addresses = await action({ stackFile, server: { host, port, user, password, caFile }, readSecret });
    return { code: 0, output: addresses.join("\n") };
  });
}

/** Tells whether `terraform init` gets the MySQL provider here; without it there is neither a plan nor a state. */
const hasProvider = mysqlProviderVersion() !== undefined;

/** Rows that cannot be judged here. Without a state, a second deploy waits where the database is made, long before its `ALTER`. */
export const rowsThatNeedTheProvider: RowId[] = hasProvider ? [] : ["lostState", "concurrent", "drift", "preview"];

const CANNOT_BE_DESTROYED = /[Ii]nstance cannot be destroyed/;

/** This package, through the real Terraform and its MySQL provider, or through the replayer where that cannot be had. */
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
  deploy: (site) => (hasProvider ? terraform(site, "apply", "-auto-approve") : replay(site, replayApply)),
  preview: (site) => terraform(site, "plan"),
  drift: (site) => terraform(site, "plan"),
  destroy: (site) => (hasProvider ? terraform(site, "destroy", "-auto-approve") : replay(site, replayDestroy)),
  historyTable: "schema_migration",
  loseState(site) {
    rmSync(path.join(site.folder, "stacks", "schema", "schema.tfstate"));
  },
  says: {
    editedFile: /was edited after it was locked/,
    editedAndSealed: hasProvider ? CANNOT_BE_DESTROYED : /V0001\.1 was applied with another text/,
    narrowedColumn: /may lose data: ALTER TABLE … MODIFY name VARCHAR\(3\)/,
    narrowedUnstrict: /may lose data: ALTER TABLE … MODIFY name VARCHAR\(3\)/,
    droppedColumn: /may lose data: ALTER TABLE … DROP COLUMN age/,
    lostHistory: hasProvider ? /schema_migration' doesn't exist/ : /Table 'people' already exists/,
    destroy: hasProvider ? CANNOT_BE_DESTROYED : /is protected: its schema and data are not deleted/,
  },
  help: {},
};
