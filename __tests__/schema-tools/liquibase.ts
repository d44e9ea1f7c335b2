import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { classPath } from "./install";
import { run } from "./run";
import type { Run, SchemaTool, Site } from "./tool";

const SNAPSHOT = "snapshot.json";

const command = (site: Site, ...args: string[]): Promise<Run> =>
  run("java", ["-cp", classPath, "liquibase.integration.commandline.LiquibaseCommandLine", ...args], site.folder, {
    LIQUIBASE_COMMAND_URL: `jdbc:mysql://${site.server.host}:${site.server.port}/${site.database}`,
    LIQUIBASE_COMMAND_USERNAME: site.server.rootUser,
    LIQUIBASE_COMMAND_PASSWORD: site.server.rootPassword,
    LIQUIBASE_COMMAND_CHANGELOG_FILE: "changelog.sql",
    LIQUIBASE_SHOW_BANNER: "false",
    LIQUIBASE_ANALYTICS_ENABLED: "false",
  });

/** Liquibase's community edition, with a changelog in SQL. */
export const liquibase: SchemaTool = {
  name: "Liquibase (community)",
  write(site, steps) {
    const changesets = steps.map(
      ({ statements }, index) => `--changeset team:${index + 1}\n${statements.join(";\n")};\n`,
    );
    writeFileSync(path.join(site.folder, "changelog.sql"), ["--liquibase formatted sql\n", ...changesets].join("\n"));
  },
  deploy: (site) => command(site, "update"),
  preview: (site) => command(site, "update-sql"),
  drift: (site) =>
    existsSync(path.join(site.folder, SNAPSHOT))
      ? command(site, "diff", `--reference-url=offline:mysql?snapshot=${SNAPSHOT}`)
      : command(site, "status", "--verbose"),
  destroy: (site) => command(site, "drop-all"),
  historyTable: "DATABASECHANGELOG",
  says: {
    editedFile: /Validation Failed:\s+1 changesets check sum/,
    editedAndSealed: /Validation Failed:\s+1 changesets check sum/,
    narrowedColumn: /Data too long for column 'name'/,
    narrowedUnstrict: /Data too long for column 'name'/,
    halfApplied: /Table 'log' already exists/,
    lostHistory: /Table 'people' already exists/,
  },
  help: {
    halfApplied: { name: "one statement a changeset", oneStatementAStep: true },
    lostHistory: { name: "`changelog-sync`", run: (site) => command(site, "changelog-sync") },
    drift: {
      name: "a `snapshot` kept from before",
      run: (site) => command(site, "snapshot", "--snapshot-format=json", `--output-file=${SNAPSHOT}`),
    },
  },
};
