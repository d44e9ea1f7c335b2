import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import type * as Mysql from "mysql2/promise";
import { readDatabaseModel } from "./database-model";
import { formatDataModel } from "./data-model-file";
import { SchemaError } from "./schema-error";

/** The options of `xray-schema model`, for parseArgs. */
export const MODEL_OPTIONS = {
  host: { type: "string" },
  port: { type: "string" },
  user: { type: "string" },
  database: { type: "string" },
  "ssl-ca": { type: "string" },
  tables: { type: "string" },
  "exclude-tables": { type: "string" },
  out: { type: "string" },
} as const;

/** The values of {@link MODEL_OPTIONS}. */
type ModelOptions = Partial<Record<keyof typeof MODEL_OPTIONS, string>> & { user: string; database: string };

const ASSETS = path.join(__dirname, "..", "..", "dist", "assets");
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

/** Reads a database and writes its data model; exit code 1 where a backup could not hold it, and nothing is written. */
export async function writeModel(options: ModelOptions): Promise<number> {
  const { database, out = "data-model.json", tables, "exclude-tables": excludeTables } = options;
  const connection = await connect(options);
  try {
    const model = await readDatabaseModel(connection, {
      database,
      isOfMigrations: tablesOfMigrations(),
      ...(tables !== undefined && { tables: tables.split(",") }),
      ...(excludeTables !== undefined && { excludeTables: excludeTables.split(",") }),
    });
    for (const fault of model.faults) console.error(`error: ${fault}`);
    if (model.faults.length > 0) return 1;
    writeFileSync(out, formatDataModel(model.tables));
    console.log(`${out}: ${model.tables.map(({ name }) => name).join(", ")}`);
    return 0;
  } finally {
    await connection.end();
  }
}

/** The migrations' own tables, by the file that the jobs read, too. */
function tablesOfMigrations(): (table: string) => boolean {
  const { migrations } = JSON.parse(readFileSync(path.join(ASSETS, "job_contract.json"), "utf8")) as {
    migrations: { ledger: string; remadePrefixes: string[] };
  };
  return (table) => table === migrations.ledger || migrations.remadePrefixes.some((prefix) => table.startsWith(prefix));
}

async function connect(options: ModelOptions): Promise<Mysql.Connection> {
  const { host = "127.0.0.1", port = "3306", user } = options;
  if (!/^\d{1,5}$/.test(port)) throw new SchemaError(`must be a number, got ${JSON.stringify(port)}`, "--port");
  const { createConnection } = await driver();
  const account = { host, port: Number(port), user, password: await password(user, host) };
  const ssl = tls(host, options["ssl-ca"]);
  try {
    return await createConnection({ ...account, ...(ssl && { ssl }), connectTimeout: 10_000 });
  } catch (error) {
    const { message } = error as Error;
    throw new SchemaError(message.replace(/\s+/g, " ") || "no connection", `${host}:${port}`);
  }
}

async function driver(): Promise<typeof Mysql> {
  try {
    return await import("mysql2/promise");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    throw new SchemaError("the driver mysql2 is not installed: npm install --save-dev mysql2", "model");
  }
}

/** To another machine only with TLS, and to the server of that name; on this one, which may be a tunnel, by its authority. */
function tls(host: string, ca: string | undefined): Mysql.SslOptions | undefined {
  const isHere = LOOPBACK.test(host);
  if (isHere && ca === undefined) return undefined;
  const file = ca === undefined || ca === "rds" ? path.join(ASSETS, "rds-ca-bundle.pem") : ca;
  let authorities;
  try {
    authorities = readFileSync(file, "utf8");
  } catch (error) {
    throw new SchemaError(`the authorities cannot be read (${(error as NodeJS.ErrnoException).code})`, file);
  }
  return { ca: authorities, minVersion: "TLSv1.2", rejectUnauthorized: true, verifyIdentity: !isHere };
}

/** From MYSQL_PWD, or typed at a terminal, which does not show it. */
async function password(user: string, host: string): Promise<string> {
  const given = process.env["MYSQL_PWD"];
  if (given !== undefined) return given;
  if (!process.stdin.isTTY) {
    throw new SchemaError("there is no terminal to ask for the password: set MYSQL_PWD", "model");
  }
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: silent, terminal: true });
  // Asked only now that the terminal shows nothing of what is typed.
  process.stderr.write(`Password of ${user} at ${host}: `);
  try {
    return await new Promise((resolve, reject) => {
      terminal.question("", resolve);
      terminal.once("SIGINT", () => reject(new SchemaError("no password was given", "model")));
    });
  } finally {
    terminal.close();
    process.stderr.write("\n");
  }
}
