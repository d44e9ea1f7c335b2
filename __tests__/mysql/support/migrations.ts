import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { LOCK_FILE_NAME, writeLock } from "../../../src/schema/lock";
import { readMigrations } from "../../../src/schema/migration";
import { temporaryFolder } from "./synth";

/**
 * Writes and locks a folder of migrations; the first text is V0001.
 *
 * @returns the folder
 */
export function migrationsFolder(...texts: string[]): string {
  const folder = path.join(temporaryFolder(), "migrations");
  mkdirSync(folder);
  texts.forEach((text, index) => writeFileSync(path.join(folder, `V000${index + 1}__step.sql`), text));
  writeFileSync(path.join(folder, LOCK_FILE_NAME), "{}");
  writeLock(folder, readMigrations(folder));
  return folder;
}
