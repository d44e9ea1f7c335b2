import { existsSync } from "node:fs";
import { judgeStatement } from "../schema/additive";
import { checkLock } from "../schema/lock";
import { readMigrations } from "../schema/migration";
import { SchemaError } from "../schema/schema-error";

/** A statement of a new migration. */
export interface NewStatement {
  /** The file of its migration. */
  readonly fileName: string;
  /** The statement as the database gets it. */
  readonly sql: string;
  /**
   * The reason that the migration gives for a destructive statement.
   * @default - the statement is additive
   */
  readonly destructiveReason?: string;
}

/** Migrations that a pull request adds. */
export interface NewMigrations {
  /** Statements, in order. */
  readonly statements: readonly NewStatement[];
  /** Reasons for which the migrations cannot be deployed. */
  readonly problems: readonly string[];
}

/**
 * Compares the migrations of a pull request with those of its base.
 *
 * @param folder migrations of the pull request
 * @param baseFolder those of its base; it may not be there, before the first migration
 */
export function newMigrations(folder: string, baseFolder: string): NewMigrations {
  try {
    const migrations = readMigrations(folder);
    checkLock(folder, migrations);
    const base = new Map(
      existsSync(baseFolder) ? readMigrations(baseFolder).map(({ fileName, sha256 }) => [fileName, sha256]) : [],
    );
    const names = new Set(migrations.map(({ fileName }) => fileName));
    const problems = [
      ...[...base.keys()].filter((name) => !names.has(name)).map((name) => `${name} is gone`),
      ...migrations
        .filter(({ fileName, sha256 }) => (base.get(fileName) ?? sha256) !== sha256)
        .map(({ fileName }) => `${fileName} has other statements than in the base`),
    ].map((fault) => `${fault}: the database has applied it; add a new migration instead`);
    const statements = migrations
      .filter(({ fileName }) => !base.has(fileName))
      .flatMap(({ fileName, statements: all }) =>
        all.map(({ sql, tokens, destructiveReason }) => ({
          fileName,
          sql,
          ...(judgeStatement(tokens).kind === "destructive" && { destructiveReason }),
        })),
      );
    return { statements, problems };
  } catch (error) {
    if (!SchemaError.isSchemaError(error)) throw error;
    return { statements: [], problems: [error.message] };
  }
}
