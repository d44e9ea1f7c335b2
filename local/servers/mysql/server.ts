import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import { createConnection } from "mysql2/promise";
import { writeCertificate } from "./certificate";
import { noteStarted } from "../../tools/started-processes";
import { ToolError } from "../../tools/tool-error";
import { type ServerKind, installServer } from "./install";

/** Options of {@link startMysqlServer}. */
export interface StartServerOptions {
  /** Kind of the server. */
  readonly kind: ServerKind;
  /** Folder of this server alone; what an earlier start left in it is used again. */
  readonly dataFolder: string;
  /**
   * TCP port on 127.0.0.1.
   *
   * @default - a free one
   */
  readonly port?: number;
  /**
   * Leaves the server running when this process ends; `stop()` or {@link stopServer} ends it.
   *
   * @default false
   */
  readonly keepRunning?: boolean;
  /**
   * Names in the server's certificate besides localhost.
   *
   * @default - none
   */
  readonly certificateHosts?: string[];
  /**
   * Further options of the daemon, for example `--innodb-buffer-pool-size=1G`.
   *
   * @default - none
   */
  readonly serverOptions?: string[];
}

/** A running server on this machine. */
export interface MysqlServer {
  readonly host: string;
  readonly port: number;
  readonly rootUser: string;
  /** Random, made at the first start of the data folder. */
  readonly rootPassword: string;
  /** As the server says it, for example `9.7.4` or `10.11.18-MariaDB`. */
  readonly version: string;
  /** PEM file of the authority that signed the server's certificate. */
  readonly caFile: string;
  /** Process id of the daemon. */
  readonly pid: number;
  /** Shuts the server down and waits for its end; a second call does nothing. */
  stop(): Promise<void>;
}

const HOST = "127.0.0.1";
const START_SECONDS = 90;

/**
 * Starts a real server with its own data folder, a random root password and TLS, and waits until it answers.
 *
 * @throws ToolError in one line, with the server's own words and the path of its log.
 */
export async function startMysqlServer(options: StartServerOptions): Promise<MysqlServer> {
  const launcher = await installServer(options.kind);
  const folder = path.resolve(options.dataFolder);
  const data = path.join(folder, "data");
  const log = path.join(folder, "server.log");
  const passwordFile = path.join(folder, "root-password");
  const certificate = { certificateFile: path.join(folder, "server.pem"), keyFile: path.join(folder, "server.key") };
  // Its own: at its start, MySQL deletes the temporary tables of whatever server has the same folder for them.
  const temporary = path.join(folder, "tmp");
  await mkdir(temporary, { recursive: true });
  const folders = [`--datadir=${data}`, `--tmpdir=${temporary}`];

  const initFile = path.join(folder, "init.sql");
  if (!existsSync(passwordFile)) {
    await rm(data, { recursive: true, force: true });
    if (options.kind === "mariadb") await mkdir(data);
    await writeCertificate(folder, options.certificateHosts);
    await initialise(options.kind, launcher, folders, log);
    const password = randomBytes(18).toString("hex");
    const init = [`ALTER USER 'root'@'localhost' IDENTIFIED BY '${password}';`];
    // MariaDB's own set-up makes more of them, without a password.
    if (options.kind === "mariadb")
      init.push("DELETE FROM mysql.global_priv WHERE User = 'root' AND Host <> 'localhost';");
    await writeFile(initFile, [...init, "FLUSH PRIVILEGES;", ""].join("\n"), { mode: 0o600 });
    await writeFile(passwordFile, password, { mode: 0o600 });
  }
  const rootPassword = await readFile(passwordFile, "utf8");

  const port = options.port ?? (await getPort({ host: HOST }));
  const daemon = spawnDaemon(
    launcher,
    [
      ...folders,
      `--bind-address=${HOST}`,
      `--port=${port}`,
      // Relative to the data folder: a path of its own, and short enough for a socket's name.
      "--socket=server.sock",
      `--pid-file=${path.join(folder, "server.pid")}`,
      `--ssl-ca=${certificate.certificateFile}`,
      `--ssl-cert=${certificate.certificateFile}`,
      `--ssl-key=${certificate.keyFile}`,
      "--character-set-server=utf8mb4",
      ...(options.kind === "mysql" ? ["--secure-file-priv=NULL"] : []),
      // There until a start has come to its end, and the password is set.
      ...(existsSync(initFile) ? [`--init-file=${initFile}`] : []),
      ...(options.serverOptions ?? []),
    ],
    log,
    options.keepRunning === true,
  );
  const stop = (): Promise<void> => stopDaemon(daemon);
  if (options.keepRunning !== true) process.once("exit", () => daemon.kill("SIGKILL"));

  let version: string;
  try {
    version = await waitUntilReady(daemon, { port, rootPassword, log });
  } catch (error) {
    await stop();
    throw error;
  }
  await rm(initFile, { force: true });
  return {
    host: HOST,
    port,
    rootUser: "root",
    rootPassword,
    version,
    caFile: certificate.certificateFile,
    pid: daemon.pid as number,
    stop,
  };
}

/** Ends the server that an earlier process left running in a data folder; says whether there was one. */
export async function stopServer(dataFolder: string): Promise<boolean> {
  const pidFile = path.join(path.resolve(dataFolder), "server.pid");
  if (!existsSync(pidFile)) return false;
  const pid = Number(readFileSync(pidFile, "utf8"));
  // A process id is used again by others: end it only where it still is a server of this data folder.
  const commandLine = `/proc/${pid}/cmdline`;
  if (!existsSync(commandLine) || !readFileSync(commandLine, "utf8").includes(pidFile)) return false;
  process.kill(pid, "SIGTERM");
  while (existsSync(commandLine)) await sleep(50);
  return true;
}

async function initialise(kind: ServerKind, launcher: string, folders: string[], log: string): Promise<void> {
  const root = path.join(path.dirname(launcher), "root");
  if (kind === "mysql") {
    await runToEnd(launcher, ["--initialize-insecure", ...folders], log, "");
    return;
  }
  // Input that mariadb-install-db pipes into the daemon; the script itself cannot use the unpacked libraries.
  const scripts = ["system_tables", "performance_tables", "system_tables_data", "sys_schema"];
  const sql = scripts.map((name) => readFileSync(path.join(root, "usr/share/mysql", `mysql_${name}.sql`), "utf8"));
  const input = ["CREATE DATABASE mysql;", "USE mysql;", "SET @auth_root_socket=NULL;", ...sql].join("\n");
  await runToEnd(launcher, ["--bootstrap", ...folders, "--skip-log-bin"], log, input);
}

async function runToEnd(launcher: string, args: string[], log: string, input: string): Promise<void> {
  const output = openSync(log, "a");
  const daemon = spawn(launcher, args, { stdio: ["pipe", output, output] });
  closeSync(output);
  noteStarted(daemon, "set-up of MySQL");
  daemon.stdin?.end(input);
  const code = await new Promise((resolve) => daemon.once("exit", resolve));
  if (code !== 0) throw new ToolError(`${path.basename(launcher)} could not make its data folder: ${lastError(log)}`);
}

function spawnDaemon(launcher: string, args: string[], log: string, detached: boolean): ChildProcess {
  const output = openSync(log, "a");
  const daemon = spawn(launcher, args, { stdio: ["ignore", output, output], detached });
  closeSync(output);
  noteStarted(daemon, "MySQL server");
  daemon.unref();
  return daemon;
}

async function stopDaemon(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return;
  daemon.ref();
  const ended = new Promise((resolve) => daemon.once("exit", resolve));
  daemon.kill("SIGTERM");
  await ended;
}

async function waitUntilReady(
  daemon: ChildProcess,
  server: { port: number; rootPassword: string; log: string },
): Promise<string> {
  const deadline = Date.now() + START_SECONDS * 1000;
  for (;;) {
    if (daemon.exitCode !== null || daemon.signalCode !== null) {
      throw new ToolError(`the database server ended while it started: ${lastError(server.log)}`);
    }
    try {
      const connection = await createConnection({
        host: HOST,
        port: server.port,
        user: "root",
        password: server.rootPassword,
      });
      const [rows] = await connection.query("SELECT VERSION() AS version");
      await connection.end();
      return (rows as { version: string }[])[0]?.version ?? "unknown";
    } catch (error) {
      if (Date.now() > deadline) {
        const reason = (error as Error).message;
        throw new ToolError(`the database server did not answer in ${START_SECONDS} s: ${reason} (${server.log})`);
      }
      await sleep(100);
    }
  }
}

function lastError(log: string): string {
  const lines = readFileSync(log, "utf8").trim().split("\n");
  const line = lines.findLast((text) => text.includes("[ERROR]") && !text.includes("Aborting")) ?? lines.at(-1) ?? "";
  return `${line.replace(/^.*\[ERROR\]\s*/, "")} (log: ${log})`;
}
