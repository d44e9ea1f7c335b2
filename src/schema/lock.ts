import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Migration } from "./migration";
import { SchemaError } from "./schema-error";

/** Name of the lock file, beside the migrations: file name to SHA-256, in the order of the migrations. */
export const LOCK_FILE_NAME = "migrations.lock.json";

/** Folder of the migrations where a command names none. */
export const DEFAULT_FOLDER = path.join("sql", "migrations");

const SHA256 = /^[0-9a-f]{64}$/;

/**
 * Holds migrations against the lock file of their folder: each locked one is there with the text it was locked with, and
 * each one that is there is locked.
 *
 * @throws SchemaError for an edited, removed, renamed or unlocked migration
 */
export function checkLock(folder: string, migrations: readonly Migration[]): void {
  const lock = readLock(folder);
  checkLocked(lock, migrations);
  const unlocked = migrations.find((migration) => !lock.has(migration.fileName));
  if (unlocked !== undefined) {
    throw new SchemaError(
      `is not in ${LOCK_FILE_NAME}: run "${lockCommand(folder)}" and commit both`,
      unlocked.fileName,
    );
  }
}

/**
 * Adds new migrations to the lock file. What is locked stays as it is.
 *
 * @returns the migrations that were added
 * @throws SchemaError for an edited, removed or renamed migration
 */
export function writeLock(folder: string, migrations: readonly Migration[]): Migration[] {
  const lock = readLock(folder);
  checkLocked(lock, migrations);
  const added = migrations.filter((migration) => !lock.has(migration.fileName));
  for (const migration of added) lock.set(migration.fileName, migration.sha256);
  const file = path.join(folder, LOCK_FILE_NAME);
  // Renamed into place, so that an interrupted run leaves the old lock whole.
  writeFileSync(`${file}.new`, `${JSON.stringify(Object.fromEntries(lock), null, 2)}\n`);
  renameSync(`${file}.new`, file);
  return added;
}

/** The command that locks the migrations of a folder. */
export function lockCommand(folder: string): string {
  return `npx xray-schema lock${path.relative(folder, DEFAULT_FOLDER) === "" ? "" : ` --folder ${folder}`}`;
}

function readLock(folder: string): Map<string, string> {
  const file = path.join(folder, LOCK_FILE_NAME);
  if (!existsSync(file)) return new Map();
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    throw new SchemaError("is not JSON: take it back from version control", LOCK_FILE_NAME);
  }
  const entries = typeof content === "object" && content !== null ? Object.entries(content) : [];
  const wrong = entries.find(([, sha]) => typeof sha !== "string" || !SHA256.test(sha));
  if (wrong !== undefined || Array.isArray(content) || typeof content !== "object" || content === null) {
    throw new SchemaError(
      "is not a list of file names with SHA-256: take it back from version control",
      LOCK_FILE_NAME,
    );
  }
  return new Map(entries as [string, string][]);
}

function checkLocked(lock: Map<string, string>, migrations: readonly Migration[]): void {
  const byFileName = new Map(migrations.map((migration) => [migration.fileName, migration]));
  for (const [fileName, locked] of lock) {
    const migration = byFileName.get(fileName);
    if (migration === undefined) {
      throw new SchemaError(
        `is locked but not there (removed or renamed): take the file back; a locked migration stays as it is`,
        fileName,
      );
    }
    if (migration.sha256 !== locked) {
      throw new SchemaError(
        `was edited after it was locked: take the edit back and write a new migration (locked ${locked.slice(0, 12)}…, got ${migration.sha256.slice(0, 12)}…)`,
        fileName,
      );
    }
  }
}
