#!/usr/bin/env node
import type { Server } from "node:net";
import { parseArgs } from "node:util";
import { runCommand, type Work } from "../schema/run-command";
import { checkPrograms, Session } from "./session";
import { createSocksServer } from "./socks-server";
import { readTunnelOutput } from "./stack-output";
import { TunnelError } from "./tunnel-error";

const USAGE = `Usage: xray-tunnel <stack or environment> [--socks-port 1080] [--mysql-port 13306]

  Opens a tunnel to the private database of a deployed stack, by its DatabaseBastion, until Ctrl-C.
  --socks-port  port of this machine for the schema stack's mysqlProxy
  --mysql-port  port of this machine for MySQL Workbench and other clients
  --wait        seconds until the database must answer (default 60)`;

const LOOPBACK = "127.0.0.1";

/** Options of the command. */
interface Options {
  /** A stack's or an environment's name. */
  readonly name: string;
  /** Port of the SOCKS proxy. */
  readonly socksPort: number;
  /** Port that the session forwards. */
  readonly mysqlPort: number;
  /** Seconds until the database must answer. */
  readonly waitSeconds: number;
}

function read(args: string[]): Work | "help" {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      "socks-port": { type: "string", default: "1080" },
      "mysql-port": { type: "string", default: "13306" },
      wait: { type: "string", default: "60" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) return "help";
  const [name, ...rest] = positionals;
  if (name === undefined || rest.length > 0) throw new Error(`one stack must be named, got ${positionals.length}`);
  const options = {
    name,
    socksPort: wholeNumber("--socks-port", values["socks-port"], 65_535),
    mysqlPort: wholeNumber("--mysql-port", values["mysql-port"], 65_535),
    waitSeconds: wholeNumber("--wait", values.wait, 3_600),
  };
  return () => openTunnel(options);
}

function wholeNumber(option: string, text: string, max: number): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= max) return number;
  throw new Error(`${option} must be a whole number from 1 to ${max}, got "${text}"`);
}

/** Holds the tunnel open until Ctrl-C. */
async function openTunnel({ name, socksPort, mysqlPort, waitSeconds }: Options): Promise<number> {
  checkPrograms();
  const { stack, tunnel } = readTunnelOutput(name);
  const stopped = new Promise<"stopped">((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => resolve("stopped"));
  });
  const proxy = createSocksServer(tunnel, { host: LOOPBACK, port: mysqlPort });
  await listen(proxy, socksPort);
  const session = new Session(tunnel, mysqlPort);
  try {
    const first = await Promise.race([session.waitForServer(waitSeconds), stopped]);
    if (first === "stopped") return 0;
    console.log(`${stack}: the tunnel to ${tunnel.host}:${tunnel.port} is open; Ctrl-C closes it
  schema stack     export MYSQL_PROXY=socks5h://${LOOPBACK}:${socksPort}
  MySQL Workbench  hostname ${LOOPBACK}, port ${mysqlPort}, Use SSL "Require and Verify CA"`);
    const reason = await Promise.race([session.ended, stopped]);
    if (reason !== "stopped") throw new TunnelError(`the session ended: ${reason}`);
    return 0;
  } finally {
    await session.end();
    proxy.close();
    console.log(`${stack}: the tunnel is closed`);
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", ({ message }) =>
      reject(
        new TunnelError(`port ${port} of this machine cannot be used: ${message}; choose another by --socks-port`),
      ),
    );
    server.listen(port, LOOPBACK, resolve);
  });
}

void runCommand({ usage: USAGE, errorName: "TunnelError", read }).then(() => process.exit());
