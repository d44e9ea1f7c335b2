import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import getPort from "get-port";
import { terraformEnvironment } from "../../local/environment/terraform-cli-config";
import { connectAsProvider } from "../../local/replayer/replayer";
import { type MysqlServer, startMysqlServer } from "../../local/servers/mysql/server";
import { repositoryRoot } from "../../local/tools/paths";
import { mysqlProviderVersion } from "./support/terraform";
import { terraformBinary } from "../../local/tools/terraform-binary";

jest.setTimeout(5 * 60_000);

/**
 * The only part that is not real: the AWS CLI and its plugin, since no emulator has a session manager. It writes its
 * arguments down, forwards the local port to the server as the bastion would, and ends at SIGINT.
 */
const AWS = `#!${process.execPath}
const fs = require("node:fs");
const net = require("node:net");
const args = process.argv.slice(2);
if (args[0] !== "ssm") process.exit(0);
fs.writeFileSync(process.env.CALL_FILE, JSON.stringify(args));
if (process.env.AWS_FAILS) {
  console.error("\\nAn error occurred (TargetNotConnected) when calling the StartSession operation: i-1 is not connected.");
  process.exit(254);
}
const { localPortNumber } = JSON.parse(args[args.indexOf("--parameters") + 1]);
const server = net.createServer((incoming) => {
  const outgoing = net.connect(Number(process.env.SERVER_PORT), "127.0.0.1");
  incoming.pipe(outgoing).pipe(incoming);
  for (const socket of [incoming, outgoing]) socket.on("error", () => { incoming.destroy(); outgoing.destroy(); });
}).listen(Number(localPortNumber[0]), "127.0.0.1");
process.on("SIGINT", () => { fs.writeFileSync(process.env.CALL_FILE + ".ended", ""); process.exit(0); });
`;

const folder = mkdtempSync(path.join(tmpdir(), "tunnel-"));
const bin = path.join(folder, "bin");
const callFile = path.join(folder, "call.json");
// No host has this name: a connection gets to the server by the proxy or not at all.
const DATABASE = { host: "database.example.invalid", port: 3306 };
let server: MysqlServer;
let socksPort: number;
let mysqlPort: number;

beforeAll(async () => {
  execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.json"], { cwd: repositoryRoot });
  server = await startMysqlServer({
    kind: "mysql",
    dataFolder: path.join(folder, "mysql"),
    certificateHosts: [DATABASE.host],
  });
  const { host, port, rootUser: user, rootPassword: password, caFile } = server;
  const connection = await connectAsProvider({ host, port, user, password, caFile });
  await connection.query("SET GLOBAL require_secure_transport = ON"); // as the database construct sets it
  await connection.end();
  mkdirSync(bin);
  for (const program of ["aws", "session-manager-plugin"]) {
    writeFileSync(path.join(bin, program), AWS);
    chmodSync(path.join(bin, program), 0o755);
  }
  writeStack("dev-data-lake", {
    database_tunnel: {
      value: { instance_id: "i-0123", document_name: "dev-bastion", region: "eu-central-1", ...DATABASE },
    },
  });
  writeStack("plain", { bucket: { value: "x-ray" } });
  mkdirSync(path.join(folder, "cdktf.out", "stacks", "new"));
  socksPort = await getPort();
  mysqlPort = await getPort();
}, 300_000);

afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A deployed stack: its outputs stand in its state. */
function writeStack(name: string, output: object): void {
  const stack = path.join(folder, "cdktf.out", "stacks", name);
  mkdirSync(stack, { recursive: true });
  writeFileSync(path.join(stack, "cdk.tf.json"), JSON.stringify({ output }));
  for (const args of [["init"], ["apply", "-auto-approve"]])
    execFileSync(terraformBinary(), args, { cwd: stack, stdio: "pipe" });
}

const environment = (change: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: `${bin}:${process.env["PATH"] ?? ""}`,
  CALL_FILE: callFile,
  SERVER_PORT: String(server.port),
  ...change,
});
const cli = path.join(repositoryRoot, "dist", "tunnel", "cli.js");

function run(args: string[], change?: NodeJS.ProcessEnv): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
    cwd: folder,
    env: environment(change),
    encoding: "utf8",
  });
  return { status, output: (stdout + stderr).trim() };
}

/** The command, once it says that the tunnel is open. */
async function openTunnel(): Promise<{ child: ChildProcess; output: () => string; exit: Promise<number | null> }> {
  const args = [cli, "dev", `--socks-port=${socksPort}`, `--mysql-port=${mysqlPort}`];
  const child = spawn(process.execPath, args, { cwd: folder, env: environment() });
  let output = "";
  const exit = new Promise<number | null>((resolve) => child.once("close", resolve));
  await new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        if (output.includes("Workbench")) resolve();
      });
    }
    child.once("close", () => reject(new Error(`the tunnel did not open: ${output}`)));
  });
  return { child, output: () => output, exit };
}

async function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/** What the MySQL provider says of a server that it may reach by the proxy alone, with the server's certificate verified. */
function providerPlan(proxy: string): string {
  const stack = path.join(folder, "provider");
  mkdirSync(stack, { recursive: true });
  const mysql = {
    endpoint: `${DATABASE.host}:${DATABASE.port}`,
    proxy,
    custom_tls: [{ ca_cert: server.caFile }],
    connect_retry_timeout_sec: 5,
  };
  writeFileSync(
    path.join(stack, "main.tf.json"),
    JSON.stringify({
      terraform: { required_providers: { mysql: { source: "petoju/mysql", version: "~> 3.0.88" } } },
      provider: { mysql },
      data: { mysql_databases: { all: { pattern: "mysql" } } },
      output: { found: { value: "${data.mysql_databases.all.databases}" } },
    }),
  );
  const login = { MYSQL_USERNAME: server.rootUser, MYSQL_PASSWORD: server.rootPassword };
  const options = { cwd: stack, env: { ...terraformEnvironment(), ...login }, encoding: "utf8" } as const;
  spawnSync(terraformBinary(), ["init", "-input=false"], options);
  const { stdout, stderr } = spawnSync(terraformBinary(), ["plan", "-input=false", "-no-color"], options);
  return stdout + stderr;
}

/** The proxy's answer to a request for a destination. */
async function socksReply(host: string, port: number, command = 1): Promise<number | undefined> {
  const socket = connect(socksPort, "127.0.0.1");
  const next = (): Promise<Buffer> =>
    new Promise((resolve) => {
      socket.once("data", resolve);
      socket.once("close", () => resolve(Buffer.alloc(0)));
    });
  socket.write(Buffer.from([5, 1, 0]));
  await next();
  const name = Buffer.from(host);
  socket.write(Buffer.from([5, command, 0, 3, name.length, ...name, port >> 8, port & 255]));
  const reply = await next();
  socket.destroy();
  return reply[1];
}

describe("npm run tunnel -- dev", () => {
  let tunnel: Awaited<ReturnType<typeof openTunnel>>;
  beforeAll(async () => void (tunnel = await openTunnel()));

  it("starts a session on the bastion, with its document and without a host of its own", () => {
    const parameters = JSON.stringify({ localPortNumber: [String(mysqlPort)] });
    expect(JSON.parse(readFileSync(callFile, "utf8"))).toEqual([
      ...["ssm", "start-session", "--target", "i-0123", "--document-name", "dev-bastion"],
      ...["--region", "eu-central-1", "--parameters", parameters],
    ]);
  });

  it("says what to set", () => {
    expect(tunnel.output()).toBe(`dev-data-lake: the tunnel to database.example.invalid:3306 is open; Ctrl-C closes it
  schema stack     export MYSQL_PROXY=socks5h://127.0.0.1:${socksPort}
  MySQL Workbench  hostname 127.0.0.1, port ${mysqlPort}, Use SSL "Require and Verify CA"
`);
  });

  const hasProvider = mysqlProviderVersion() !== undefined;
  (hasProvider ? it : it.skip)(
    "takes Terraform's MySQL provider to the server, under the certificate's own name",
    () => {
      expect(providerPlan(`socks5h://127.0.0.1:${socksPort}`)).toMatch(/found\s+=\s+\[\s+\+ "mysql"/);
    },
  );

  it("takes a client of its port to the server, over TLS", async () => {
    const { rootUser: user, rootPassword: password, caFile } = server;
    const connection = await connectAsProvider({ host: "127.0.0.1", port: mysqlPort, user, password, caFile });
    const [rows] = await connection.query("SHOW SESSION STATUS LIKE 'Ssl_cipher'");
    expect((rows as { Value: string }[])[0]?.Value).not.toBe("");
    await connection.end();
  });

  it.each([
    ["another host", "example.org", DATABASE.port, 1, 2],
    ["another port of the host", DATABASE.host, 22, 1, 2],
    ["a port to listen at", DATABASE.host, DATABASE.port, 2, 7],
    ["the database", DATABASE.host, DATABASE.port, 1, 0],
  ])("answers to a request for %s (%s:%i) with %i %i", async (_, host, port, command, reply) => {
    expect(await socksReply(host, port, command)).toBe(reply);
  });

  it("closes session, proxy and port at Ctrl-C, and ends well", async () => {
    tunnel.child.kill("SIGINT");
    expect(await tunnel.exit).toBe(0);
    expect(existsSync(`${callFile}.ended`)).toBe(true);
    expect([await listens(socksPort), await listens(mysqlPort)]).toEqual([false, false]);
    expect(tunnel.output()).toMatch(/dev-data-lake: the tunnel is closed\n$/);
  });

  (hasProvider ? it : it.skip)("and then the provider finds no way", () => {
    expect(providerPlan(`socks5h://127.0.0.1:${socksPort}`)).toMatch(/connection refused/);
  });
});

describe("refuses in one line", () => {
  it("where the AWS CLI or its plugin is missing", () => {
    const without = (program: string): string => {
      const other = path.join(folder, `without-${program}`);
      mkdirSync(other);
      for (const name of ["aws", "session-manager-plugin"].filter((one) => one !== program)) {
        writeFileSync(path.join(other, name), AWS);
        chmodSync(path.join(other, name), 0o755);
      }
      return run(["dev"], { PATH: other }).output;
    };
    expect(without("aws")).toMatch(/^error: aws is not on the PATH: install it, see https:\S+$/);
    expect(without("session-manager-plugin")).toMatch(
      /^error: session-manager-plugin is not on the PATH: install it, see https:\S+$/,
    );
  });

  it("a stack that is not there, not deployed, or without a bastion", () => {
    expect(run(["prod"]).output).toBe(
      "error: no stack prod or prod-data-lake below cdktf.out/stacks: deploy it first, from this folder",
    );
    for (const name of ["new", "plain"]) {
      expect(run([name]).output).toBe(
        `error: stack ${name} has no output database_tunnel: give it a DatabaseBastion (DEV_BASTION=true, PROD_BASTION=true), and deploy it`,
      );
    }
  });

  it("a port that another program has", async () => {
    const taken: Server = createServer();
    await new Promise<void>((resolve) => taken.listen(socksPort, "127.0.0.1", resolve));
    const { status, output } = run(["dev", `--socks-port=${socksPort}`]);
    taken.close();
    expect([status, output]).toEqual([
      1,
      `error: port ${socksPort} of this machine cannot be used: listen EADDRINUSE: address already in use ` +
        `127.0.0.1:${socksPort}; choose another by --socks-port`,
    ]);
  });

  it("a session that AWS refuses, with AWS's reason", () => {
    const { status, output } = run(["dev", `--socks-port=${socksPort}`], { AWS_FAILS: "1" });
    expect([status, output]).toEqual([
      1,
      expect.stringContaining("error: the session ended: An error occurred (TargetNotConnected)"),
    ]);
  });

  it("a command that it does not understand, with exit code 2", () => {
    expect(run([])).toMatchObject({
      status: 2,
      output: expect.stringMatching(/^error: one stack must be named, got 0/) as unknown,
    });
    expect(run(["dev", "--mysql-port=x"])).toMatchObject({
      status: 2,
      output: expect.stringMatching(/^error: --mysql-port must be a whole number from 1 to 65535, got "x"/) as unknown,
    });
  });
});
