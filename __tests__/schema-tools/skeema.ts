import { readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { program } from "./install";
import { run } from "./run";
import type { Run, SchemaTool, Site } from "./tool";

const command = (site: Site, name: string): Promise<Run> =>
  run(program("skeema"), [name], site.folder, { MYSQL_PWD: site.server.rootPassword });

function removeTables(site: Site): void {
  for (const name of readdirSync(site.folder)) if (name.endsWith(".sql")) rmSync(path.join(site.folder, name));
}

/** Skeema compares the wanted tables with the live ones; it has neither migrations nor a history. */
export const skeema: SchemaTool = {
  name: "Skeema",
  write(site, steps) {
    removeTables(site);
    const { host, port, rootUser } = site.server;
    const settings = { host, port, user: rootUser, schema: site.database };
    const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
    writeFileSync(path.join(site.folder, ".skeema"), `${lines.join("\n")}\n`);
    const tables = Object.assign({}, ...steps.map((step) => step.tables)) as Record<string, string | undefined>;
    for (const [name, definition] of Object.entries(tables)) {
      if (definition !== undefined) writeFileSync(path.join(site.folder, `${name}.sql`), `${definition};\n`);
    }
  },
  deploy: (site) => command(site, "push"),
  preview: (site) => command(site, "diff"),
  drift: (site) => command(site, "diff"),
  // It has no command for this: with the files gone, a push drops the tables.
  destroy: (site) => {
    removeTables(site);
    return command(site, "push");
  },
  says: {
    narrowedColumn: /is not safe: modification to column name may require lossy data conversion/,
    narrowedUnstrict: /is not safe: modification to column name may require lossy data conversion/,
    droppedColumn: /is not safe: column `age` would be dropped/,
    concurrent: /Duplicate column name 'note'/,
    destroy: /Desired drop of table `people` would cause all of its data to be lost/,
  },
  help: {},
};
