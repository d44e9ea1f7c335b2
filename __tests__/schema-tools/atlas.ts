import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { program } from "./install";
import { run } from "./run";
import type { Help, Run, SchemaTool, Site } from "./tool";

/** Atlas plans on an empty database of its own. */
const SCRATCH = "atlas_scratch";
const HISTORY = "atlas_schema_revisions";

const SETTINGS = `env "here" {
  url = getenv("ATLAS_URL")
  dev = getenv("ATLAS_DEV_URL")
  migration {
    dir = "file://migrations"
  }
}
`;

const command = (site: Site, ...args: string[]): Promise<Run> => {
  const { rootUser, rootPassword, host, port } = site.server;
  const url = (database: string): string => `mysql://${rootUser}:${rootPassword}@${host}:${port}/${database}`;
  return run(program("atlas"), [...args, "--env", "here"], site.folder, {
    ATLAS_URL: url(site.database),
    ATLAS_DEV_URL: url(SCRATCH),
    ATLAS_NO_UPDATE_NOTIFIER: "1",
  });
};

const lint: Help = { name: "`migrate lint`", run: (site) => command(site, "migrate", "lint", "--latest", "1") };

/** Atlas's open command line with versioned migrations. */
export const atlas: SchemaTool = {
  name: "Atlas",
  write(site, steps) {
    const folder = path.join(site.folder, "migrations");
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(folder)) if (name.endsWith(".sql")) rmSync(path.join(folder, name));
    steps.forEach(({ statements }, index) =>
      writeFileSync(path.join(folder, `${index + 1}_step.sql`), `${statements.join(";\n")};\n`),
    );
    writeFileSync(path.join(site.folder, "atlas.hcl"), SETTINGS);
  },
  seal: (site) => command(site, "migrate", "hash"),
  deploy: (site) => command(site, "migrate", "apply"),
  preview: (site) => command(site, "migrate", "apply", "--dry-run"),
  drift: (site) => command(site, "schema", "apply", "--dry-run", "--to", "file://migrations", "--exclude", HISTORY),
  destroy: (site) => command(site, "schema", "clean", "--auto-approve"),
  historyTable: HISTORY,
  says: {
    editedFile: /checksum mismatch/,
    narrowedColumn: /Data too long for column 'name'/,
    droppedColumn: /destructive changes detected/,
    lostHistory: /connected database is not clean/,
  },
  help: {
    narrowedUnstrict: lint,
    droppedColumn: lint,
    lostHistory: { name: "`migrate set`", run: (site) => command(site, "migrate", "set", "1") },
  },
};
