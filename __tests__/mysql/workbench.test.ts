import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { writeCertificate } from "../../local/servers/mysql/certificate";
import { mysqlClient } from "../../local/servers/mysql/client";
import { connectAsProvider } from "../../local/replayer/replayer";
import { type MysqlServer, startMysqlServer } from "../../local/servers/mysql/server";
import { runCommand } from "../../local/tools/run-command";

jest.setTimeout(10 * 60_000);

/** Workbench's "Use SSL", as an option of the library that both have. */
const USE_SSL = {
  No: "DISABLED",
  Require: "REQUIRED",
  "Require and Verify CA": "VERIFY_CA",
  "Require and Verify Identity": "VERIFY_IDENTITY",
} as const;

const folder = mkdtempSync(path.join(tmpdir(), "workbench-"));
const optionFile = path.join(folder, "login.cnf");
let server: MysqlServer;
let otherCa: string;
let tunnel: Server;

beforeAll(async () => {
  server = await startMysqlServer({ kind: "mysql", dataFolder: path.join(folder, "mysql") });
  const { host, port, rootUser: user, rootPassword: password, caFile } = server;
  const connection = await connectAsProvider({ host, port, user, password, caFile });
  await connection.query("SET GLOBAL require_secure_transport = ON"); // as the database construct sets it
  await connection.end();
  // A password among the arguments would stand in the list of processes.
  writeFileSync(optionFile, `[client]\npassword=${server.rootPassword}\n`, { mode: 0o600 });
  otherCa = (await writeCertificate(folder)).certificateFile;
  // A forward of one TCP port, as SSM and SSH give: the client asks for a host that the certificate does not name.
  tunnel = createServer((incoming) => {
    const outgoing = connect(server.port, server.host);
    incoming.pipe(outgoing).pipe(incoming);
    for (const socket of [incoming, outgoing])
      socket.on("error", () => [incoming, outgoing].forEach((one) => one.destroy()));
  });
  await new Promise<void>((resolve) => tunnel.listen(0, "127.0.0.2", resolve));
});

afterAll(async () => {
  tunnel?.close();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** The cipher of a connection that is made with these settings. */
async function cipher(useSsl: keyof typeof USE_SSL, caFile: string, address?: AddressInfo): Promise<string> {
  const [program, ...first] = await mysqlClient();
  const { stdout } = await runCommand(program, [
    ...first,
    `--defaults-file=${optionFile}`,
    `--host=${address?.address ?? server.host}`,
    `--port=${address?.port ?? server.port}`,
    "--protocol=TCP",
    "--user=root",
    `--ssl-mode=${USE_SSL[useSsl]}`,
    `--ssl-ca=${caFile}`,
    "--batch",
    "--skip-column-names",
    "--execute=SHOW SESSION STATUS LIKE 'Ssl_cipher'",
  ]);
  return stdout.trim();
}

const through = (): AddressInfo => tunnel.address() as AddressInfo;

describe("the settings of MySQL Workbench, by the mysql command line", () => {
  test.each(["Require", "Require and Verify CA", "Require and Verify Identity"] as const)("%s", async (useSsl) => {
    expect(await cipher(useSsl, server.caFile)).toMatch(/^Ssl_cipher\tTLS_/);
  });

  test("a connection without TLS is refused by the server", async () => {
    await expect(cipher("No", server.caFile)).rejects.toThrow(/require_secure_transport=ON/);
  });

  test.each(["Require and Verify CA", "Require and Verify Identity"] as const)(
    "%s refuses a server of another authority",
    async (useSsl) => {
      await expect(cipher(useSsl, otherCa)).rejects.toThrow(/certificate verify failed/);
    },
  );

  test("Require takes any server, whatever the CA file says", async () => {
    expect(await cipher("Require", otherCa)).toMatch(/^Ssl_cipher\tTLS_/);
  });

  test("through a tunnel, the authority can be verified and the host's name cannot", async () => {
    expect(await cipher("Require and Verify CA", server.caFile, through())).toMatch(/^Ssl_cipher\tTLS_/);
    expect(await cipher("Require", otherCa, through())).toMatch(/^Ssl_cipher\tTLS_/);
    await expect(cipher("No", server.caFile, through())).rejects.toThrow(/require_secure_transport=ON/);
    await expect(cipher("Require and Verify CA", otherCa, through())).rejects.toThrow(/certificate verify failed/);
    await expect(cipher("Require and Verify Identity", server.caFile, through())).rejects.toThrow(
      /ERROR 2026 \(HY000\): SSL connection error: .*certificate verify failed/,
    );
  });
});
