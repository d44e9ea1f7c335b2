import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { isViewCreation, judgeStatement } from "./additive";
import { Cursor } from "./cursor";
import type { Token } from "./lexer";
import { SchemaError } from "./schema-error";
import { type Statement, sha256, splitStatements } from "./statement";

/** One immutable step of a database's history. */
export interface Migration {
  /** Its number, from 1. */
  readonly version: number;
  /** Name, from its file's name: lower case with underscores. */
  readonly name: string;
  /** `V<nnnn>__<name>.sql` */
  readonly fileName: string;
  /** SHA-256 over its statements as they are normalised: a comment or an indentation does not change it. */
  readonly sha256: string;
  /** Its statements, in order. */
  readonly statements: readonly Statement[];
}

/** Names that the ledger keeps for itself (see ledger.ts and accounts.ts). */
const RESERVED = /^`?schema_(migration|at_|apply|execute|guard|account|claim)/i;
const FILE_NAME = /^V(\d{4})__([a-z][a-z0-9_]{0,59})\.sql$/;

/** The file name of a migration, for example `V0003__add_reader.sql`. */
export function migrationFileName(version: number, name: string): string {
  return `V${String(version).padStart(4, "0")}__${name}.sql`;
}

/**
 * Reads the migrations of a folder, in order, and checks each: the sequence V0001, V0002, … has no gap and no number
 * twice; each holds statements that the ledger can run; each destructive one is preceded by
 * `-- allow: destructive (reason)`.
 *
 * @throws SchemaError that names the file and line
 */
export function readMigrations(folder: string): Migration[] {
  const fileNames = listFiles(folder).filter((name) => name.endsWith(".sql"));
  return fileNames.sort().map((fileName, index) => {
    const [, digits = "", name = ""] = FILE_NAME.exec(fileName) ?? [];
    if (digits === "") {
      throw new SchemaError("a migration is named V<four digits>__<lower_case_name>.sql", fileName);
    }
    const version = Number(digits);
    if (version !== index + 1) {
      const problem = fileNames[index - 1]?.startsWith(`V${digits}__`) === true ? "a number twice" : "a gap before it";
      throw new SchemaError(
        `the sequence has ${problem}: expected ${migrationFileName(index + 1, "…")}; migrations are V0001, V0002, …`,
        fileName,
      );
    }
    return parseMigration(fileName, version, name, readText(path.join(folder, fileName)));
  });
}

/**
 * Reads SQL that may run more than once, such as sample data: it is checked as a migration is, but has no number.
 *
 * @throws SchemaError that names the file and line
 */
export function readStatements(file: string): Statement[] {
  return checkedStatements(readText(file), path.basename(file));
}

function parseMigration(fileName: string, version: number, name: string, text: string): Migration {
  const statements = checkedStatements(text, fileName);
  return { version, name, fileName, sha256: sha256(statements.map((one) => one.sha256).join("\n")), statements };
}

function checkedStatements(text: string, fileName: string): Statement[] {
  const statements = splitStatements(text, fileName);
  if (statements.length === 0) throw new SchemaError("holds no statement", fileName);
  for (const statement of statements) checkStatement(statement, fileName);
  return statements;
}

function checkStatement(statement: Statement, fileName: string): void {
  const reserved = statement.tokens.find((token) => token.kind !== "string" && RESERVED.test(token.text));
  if (reserved !== undefined) {
    throw new SchemaError(
      `${reserved.text} is a name of the ledger of migrations: choose another`,
      fileName,
      reserved.line,
    );
  }
  const verdict = judgeStatement(statement.tokens);
  if (verdict.kind === "unsupported") throw new SchemaError(verdict.reason, fileName, statement.line);
  if (verdict.kind === "destructive" && statement.destructiveReason === undefined) {
    throw new SchemaError(
      `${verdict.reason}; if that is meant, write before it: -- allow: destructive (the reason)`,
      fileName,
      statement.line,
    );
  }
}

function listFiles(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw new SchemaError(
      `the folder of migrations cannot be read (${(error as NodeJS.ErrnoException).code}): npx xray-schema new makes one`,
      folder,
    );
  }
}

/** Text of a UTF-8 file with the line ends of any editor or git setting read as `\n`. */
function readText(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new SchemaError(`cannot be read (${(error as NodeJS.ErrnoException).code})`, file);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes).replace(/\r\n/g, "\n");
  } catch {
    throw new SchemaError("is not UTF-8 text", path.basename(file));
  }
}

/** Names of the views that are there once all migrations are applied, in the order in which they were made. */
export function viewsOf(migrations: readonly Migration[]): string[] {
  const views = new Set<string>();
  for (const { tokens } of migrations.flatMap(({ statements }) => statements)) {
    const made = createdView(tokens);
    if (made !== undefined) views.add(made);
    for (const name of droppedViews(tokens)) views.delete(name);
    for (const [from, to] of renamed(tokens)) if (views.delete(from)) views.add(to);
  }
  return [...views];
}

function createdView(tokens: readonly Token[]): string | undefined {
  if (!isViewCreation(new Cursor(tokens))) return undefined;
  const cursor = new Cursor(tokens);
  while (!cursor.accept("VIEW")) cursor.skip();
  return cursor.name;
}

function droppedViews(tokens: readonly Token[]): string[] {
  const cursor = new Cursor(tokens);
  if (!cursor.accept("DROP", "VIEW")) return [];
  cursor.accept("IF", "EXISTS");
  return names(cursor);
}

/** The pairs of RENAME TABLE, which renames views too. */
function renamed(tokens: readonly Token[]): [string, string][] {
  const cursor = new Cursor(tokens);
  const pairs: [string, string][] = [];
  if (!cursor.accept("RENAME", "TABLE")) return pairs;
  do {
    const from = cursor.name;
    if (!cursor.acceptName() || !cursor.accept("TO")) break;
    const to = cursor.name;
    if (from !== undefined && to !== undefined && cursor.acceptName()) pairs.push([from, to]);
  } while (cursor.accept(","));
  return pairs;
}

function names(cursor: Cursor): string[] {
  const found: string[] = [];
  do {
    const { name } = cursor;
    if (name !== undefined && cursor.acceptName()) found.push(name);
  } while (cursor.accept(","));
  return found;
}
