import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createConnection } from "mysql2/promise";
import { mysqlFolder } from "../../local/servers/mysql/install";
import { connectToServer, openServer } from "../../local/servers/mysql/open-server";
import { type ReplayOptions, connectAsProvider, replayApply } from "../../local/replayer/replayer";
import {
  type MysqlServer,
  type StartServerOptions,
  startMysqlServer,
  stopServer,
} from "../../local/servers/mysql/server";
import { synthesizeSchema } from "./support/synth";

const folder = path.join(mysqlFolder, "test", `server-${process.pid}`);
// MariaDB starts faster; the code is the same for both.
const kind = "mariadb";

jest.setTimeout(120_000);

const running: MysqlServer[] = [];
const start = async (options: Partial<StartServerOptions> = {}): Promise<MysqlServer> => {
  const server = await startMysqlServer({ kind, dataFolder: folder, ...options });
  running.push(server);
  return server;
};
afterEach(() => Promise.all(running.splice(0).map((server) => server.stop())));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const account = (server: MysqlServer) => ({
  host: server.host,
  port: server.port,
  user: server.rootUser,
  password: server.rootPassword,
});

test("data, password and port outlive a restart", async () => {
  const first = await start();
  const before = await connectAsProvider(account(first));
  await before.query("CREATE DATABASE kept");
  await before.end();
  await first.stop();
  await first.stop();
  expect(existsSync(`/proc/${first.pid}`)).toBe(false);

  const second = await start({ port: first.port });
  expect({ ...second, pid: 0, stop: 0 }).toEqual({ ...first, pid: 0, stop: 0 });
  const after = await connectAsProvider({ ...account(second), caFile: second.caFile });
  expect((await after.query("SHOW DATABASES LIKE 'kept'"))[0]).toHaveLength(1);
  const [cipher] = await after.query("SHOW SESSION STATUS LIKE 'Ssl_cipher'");
  expect(cipher).toEqual([{ Variable_name: "Ssl_cipher", Value: expect.stringMatching(/^TLS_/) as string }]);
  await after.end();
});

test("nobody gets in without the password, and its file is the owner's alone", async () => {
  const server = await start();
  await expect(createConnection({ ...account(server), password: "" })).rejects.toMatchObject({ errno: 1045 });
  for (const secret of ["root-password", "server.key"]) {
    expect(statSync(path.join(folder, secret)).mode & 0o077).toBe(0);
  }
  expect(readFileSync(`/proc/${server.pid}/cmdline`, "utf8")).not.toContain(server.rootPassword);
  expect(existsSync(path.join(folder, "init.sql"))).toBe(false);
});

test("a start leaves the temporary tables of other servers", async () => {
  const table = path.join(tmpdir(), `#sql-temptable-${process.pid}.MAI`);
  writeFileSync(table, "");
  try {
    await start({ kind: "mysql", dataFolder: path.join(folder, "mysql") });
    expect(existsSync(table)).toBe(true);
  } finally {
    rmSync(table, { force: true });
  }
});

test("a first start that failed is made good by the second", async () => {
  const server = await start();
  const other = path.join(folder, "second-try");
  await expect(start({ dataFolder: other, port: server.port })).rejects.toThrow();
  const second = await start({ dataFolder: other });
  expect(second.rootPassword).not.toBe(server.rootPassword);
});

test("a busy port is one line with the server's words and its log", async () => {
  const server = await start();
  const other = path.join(folder, "other");
  await expect(start({ dataFolder: other, port: server.port })).rejects.toThrow(
    /^the database server ended while it started: .*another .*server running on port: \d+.* \(log: .*server\.log\)$/,
  );
});

test("a server that is left running is stopped by its data folder, and nothing else is", async () => {
  const server = await start({ keepRunning: true });
  expect(await stopServer(path.join(folder, "none"))).toBe(false);
  expect(await stopServer(folder)).toBe(true);
  expect(existsSync(`/proc/${server.pid}`)).toBe(false);
  expect(await stopServer(folder)).toBe(false);
});

describe("MYSQL_URL", () => {
  const url = process.env["MYSQL_URL"];
  afterEach(() => {
    if (url === undefined) delete process.env["MYSQL_URL"];
    else process.env["MYSQL_URL"] = url;
  });

  test("names the server to use, which is left running", async () => {
    const server = await start();
    process.env["MYSQL_URL"] = `mysql://root:${server.rootPassword}@127.0.0.1:${server.port}`;
    const opened = await openServer({ dataFolder: path.join(folder, "unused") });
    expect(opened).toMatchObject({ port: server.port, rootPassword: server.rootPassword, version: server.version });
    await opened.stop();
    const connection = await connectAsProvider(account(server));
    await connection.end();
  });

  test.each([
    ["127.0.0.1:3306", /^MYSQL_URL must look like mysql:\/\/user:password@host:3306$/],
    ["postgres://a:b@127.0.0.1", /^MYSQL_URL must look like mysql:\/\/user:password@host:3306$/],
    [
      "mysql://a:secret@127.0.0.1:9",
      /^MYSQL_URL: 127\.0\.0\.1:9 did not take us: connect ECONNREFUSED 127\.0\.0\.1:9$/,
    ],
  ])("%s is refused in one line without the password", async (text, message) => {
    await expect(connectToServer(text)).rejects.toThrow(message);
  });
});

describe("the replayer", () => {
  const options = (edit: (text: string) => string): ReplayOptions => {
    const stackFile = synthesizeSchema({ preventDestroy: false });
    const edited = `${stackFile}.edited`;
    writeFileSync(edited, edit(readFileSync(stackFile, "utf8")));
    return {
      stackFile: edited,
      server: { host: "127.0.0.1", port: 1, user: "x", password: "x" },
      readSecret: () => Promise.resolve(""),
    };
  };

  test("does not replay what it does not know", async () => {
    const server = await start();
    const at = (edit: (text: string) => string) => ({ ...options(edit), server: account(server) });
    await expect(replayApply(at((text) => text.replace('"mysql_sql": {', '"mysql_role": {')))).rejects.toThrow(
      /^mysql_role\.Schema_\w+: the replayer does not know this type of resource$/,
    );
    await expect(
      replayApply(at((text) => text.replace(/"create_sql": "[^"]*"/, '"create_sql": "${file(1)}"'))),
    ).rejects.toThrow('the replayer does not know the expression "file(1)"');
    await expect(
      replayApply(at((text) => text.replace(/"create_sql": "[^"]*"/, '"create_sql": "SELEC 1"'))),
    ).rejects.toThrow(/^mysql_sql\.Schema_\w+: Error 1064: You have an error in your SQL syntax/);
  });

  test("a server that is not there", async () => {
    await expect(replayApply(options((text) => text))).rejects.toThrow("connect ECONNREFUSED 127.0.0.1:1");
  });
});
