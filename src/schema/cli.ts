#!/usr/bin/env node
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { checkLock, DEFAULT_FOLDER, lockCommand, writeLock } from "./lock";
import { MODEL_OPTIONS, writeModel } from "./model-command";
import { type Migration, migrationFileName, readMigrations } from "./migration";
import { SchemaError } from "./schema-error";

const USAGE = `Usage: xray-schema <command> [--folder sql/migrations]

  check       reads the migrations and holds them against migrations.lock.json
  lock        adds new migrations to migrations.lock.json
  new <name>  begins the next migration, for example: new add_reader
  model       reads the tables of a database and writes data-model.json:
              --user <user> --database <database> [--host 127.0.0.1] [--port 3306] [--out data-model.json]
              [--ssl-ca rds|<PEM file>]  authorities of the server's certificate (default: of RDS; on this machine no TLS)
              [--tables a,b] [--exclude-tables c,d]
              The password is MYSQL_PWD, or is asked for.`;

const HELP = { type: "boolean" } as const;

/** Exit codes: 1 for migrations or tables that cannot be used, 2 for a command that is not understood. */
async function main(args: string[]): Promise<number> {
  try {
    return await (args[0] === "model" ? model(args.slice(1)) : migrations(args));
  } catch (error) {
    if (!SchemaError.isSchemaError(error)) throw error;
    console.error(`error: ${error.message}`);
    return 1;
  }
}

async function model(args: string[]): Promise<number> {
  let options;
  try {
    options = parseArgs({ args, options: { ...MODEL_OPTIONS, help: HELP } }).values;
  } catch (error) {
    return misunderstood((error as Error).message);
  }
  if (options.help === true) return help();
  const { user, database } = options;
  if (user === undefined || database === undefined) return misunderstood("model needs --user and --database");
  return writeModel({ ...options, user, database });
}

function migrations(args: string[]): number {
  let parsed;
  try {
    parsed = parseArgs({ args, allowPositionals: true, options: { folder: { type: "string" }, help: HELP } });
  } catch (error) {
    return misunderstood((error as Error).message);
  }
  const [command, name, ...rest] = parsed.positionals;
  if (parsed.values.help === true) return help();
  const wantsName = command === "new";
  if (!["check", "lock", "new"].includes(command ?? "") || rest.length > 0 || wantsName !== (name !== undefined)) {
    return misunderstood(args.length === 0 ? "no command" : `got ${JSON.stringify(args.join(" "))}`);
  }
  const folder = parsed.values.folder ?? DEFAULT_FOLDER;
  if (command === "new") create(folder, name ?? "");
  else if (command === "lock") lock(folder);
  else check(folder);
  return 0;
}

function help(): number {
  console.log(USAGE);
  return 0;
}

function check(folder: string): void {
  const migrations = readMigrations(folder);
  checkLock(folder, migrations);
  printTable(migrations);
}

function lock(folder: string): void {
  const migrations = readMigrations(folder);
  const added = writeLock(folder, migrations);
  printTable(migrations);
  console.log(`\nlocked: ${added.length === 0 ? "nothing new" : added.map((one) => one.fileName).join(", ")}`);
}

function create(folder: string, name: string): void {
  if (!/^[a-z][a-z0-9_]{0,59}$/.test(name)) {
    throw new SchemaError("a migration's name is lower-case letters, digits and underscores, at most 60", name);
  }
  const count = existsSync(folder) ? readMigrations(folder).length : 0;
  const file = path.join(folder, migrationFileName(count + 1, name));
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, "-- Why:\n\n", { flag: "wx" });
  console.log(`${file}\nwrite its statements, then: ${lockCommand(folder)}`);
}

function printTable(migrations: readonly Migration[]): void {
  const rows = migrations.map(({ fileName, statements, sha256 }) => {
    const reasons = statements.flatMap((statement) => statement.destructiveReason ?? []);
    const destructive = reasons.length === 0 ? "" : `destructive: ${reasons.join("; ")}`;
    return [fileName, String(statements.length), sha256.slice(0, 12), destructive];
  });
  const table = [["migration", "statements", "sha256", ""], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => (row[column] ?? "").length)));
  for (const row of table)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    );
}

function misunderstood(problem: string): number {
  console.error(`error: ${problem}\n\n${USAGE}`);
  return 2;
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
