import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { classPath } from "./install";
import { run } from "./run";
import type { Run, SchemaTool, Site } from "./tool";

const command = (site: Site, name: string): Promise<Run> =>
  run("java", ["-cp", classPath, "FlywayCommand", name], site.folder, {
    FLYWAY_URL: `jdbc:mysql://${site.server.host}:${site.server.port}/${site.database}`,
    FLYWAY_USER: site.server.rootUser,
    FLYWAY_PASSWORD: site.server.rootPassword,
    FLYWAY_LOCATIONS: "filesystem:migrations",
  });

/** Flyway's community edition. */
export const flyway: SchemaTool = {
  name: "Flyway (community)",
  write(site, steps) {
    const folder = path.join(site.folder, "migrations");
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    steps.forEach(({ statements }, index) =>
      writeFileSync(path.join(folder, `V${index + 1}__step.sql`), `${statements.join(";\n")};\n`),
    );
  },
  deploy: (site) => command(site, "migrate"),
  preview: (site) => command(site, "info"),
  drift: (site) => command(site, "validate"),
  destroy: (site) => command(site, "clean"),
  historyTable: "flyway_schema_history",
  says: {
    editedFile: /Migration checksum mismatch for migration version 1/,
    editedAndSealed: /Migration checksum mismatch for migration version 1/,
    narrowedColumn: /Data truncat/,
    narrowedUnstrict: /Data truncat/,
    halfApplied: /Detected failed migration to version 2/,
    lostHistory: /non-empty schema.* but no schema history table/,
    destroy: /Unable to execute clean as it has been disabled/,
  },
  help: {
    halfApplied: {
      name: "one statement a file and `repair`",
      oneStatementAStep: true,
      run: (site) => command(site, "repair"),
    },
    lostHistory: { name: "`baseline`", run: (site) => command(site, "baseline") },
  },
};
