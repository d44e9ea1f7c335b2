#!/usr/bin/env node
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { checkLock, DEFAULT_FOLDER, lockCommand, writeLock } from "./lock";
import { MODEL_OPTIONS, writeModel } from "./model-command";
import { type Migration, migrationFileName, readMigrations } from "./migration";
import { runCommand, type Work } from "./run-command";
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

function read(args: string[]): Work | "help" {
  return args[0] === "model" ? readModel(args.slice(1)) : readMigrationsCommand(args);
}

function readModel(args: string[]): Work | "help" {
  const { help, user, database, ...options } = parseArgs({ args, options: { ...MODEL_OPTIONS, help: HELP } }).values;
  if (help === true) return "help";
  if (user === undefined || database === undefined) throw new Error("model needs --user and --database");
  return () => writeModel({ ...options, user, database });
}

function readMigrationsCommand(args: string[]): Work | "help" {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { folder: { type: "string" }, help: HELP },
  });
  if (values.help === true) return "help";
  const [command, name, ...rest] = positionals;
  const wantsName = command === "new";
  if (!["check", "lock", "new"].includes(command ?? "") || rest.length > 0 || wantsName !== (name !== undefined)) {
    throw new Error(args.length === 0 ? "no command" : `got ${JSON.stringify(args.join(" "))}`);
  }
  const folder = values.folder ?? DEFAULT_FOLDER;
  return () => {
    if (command === "new") create(folder, name ?? "");
    else if (command === "lock") lock(folder);
    else check(folder);
    return 0;
  };
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

void runCommand({ usage: USAGE, errorName: "SchemaError", read });
