import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { connectAsProvider } from "../../local/replayer/replayer";
import { type MysqlServer, startMysqlServer } from "../../local/servers/mysql/server";
import { localPath } from "../../local/tools/paths";
import { Account, DATABASE_HOST } from "./account";
import { cloneRepository, makePrograms, personsEnvironment } from "./desk";
import { type Block, blocksOf, withValues } from "./page";
import { Shell } from "./shell";

jest.setTimeout(30 * 60_000);

const folder = localPath("first-deploy");
const clone = path.join(folder, "clone");
const values: Record<string, string> = { DEV_STATE_BUCKET: "first-deploy-state", DEV_ALARM_EMAIL: "anna@example.org" };
const figures: { heading: string; commands: number; seconds: number }[] = [];
let server: MysqlServer;
let account: Account;
let deployer: Shell;
let auditor: Shell;

beforeAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  // As RDS: no connection without TLS, a certificate for the endpoint's name.
  server = await startMysqlServer({
    kind: "mysql",
    dataFolder: path.join(folder, "mysql"),
    certificateHosts: [DATABASE_HOST],
    serverOptions: ["--skip-log-bin"],
  });
  cloneRepository(clone, server.caFile);
  account = await Account.start(clone, folder, server.port);
  const programs = await makePrograms(path.join(folder, "bin"));
  const environment = personsEnvironment(programs, account.proxy.url, server.port);
  deployer = new Shell(clone, folder, environment);
  auditor = new Shell(clone, folder, environment);
});

afterAll(async () => {
  deployer?.close();
  auditor?.close();
  await account?.stop();
  await server?.stop();
  // With its packages it would slow down every later run of jest, which looks through all folders.
  rmSync(clone, { recursive: true, force: true });
  writeFileSync(path.join(folder, "figures.json"), JSON.stringify(figures, null, 2));
});

/** RDS makes the master user with the instance, and keeps the password in the secret. */
async function makeMasterUser(): Promise<void> {
  const { username, password } = await account.masterUser();
  const { host, port, rootUser: user, rootPassword, caFile } = server;
  const connection = await connectAsProvider({ host, port, user, password: rootPassword, caFile });
  await connection.query("SET GLOBAL require_secure_transport = ON");
  await connection.query(`CREATE USER ?@'%' IDENTIFIED BY ? REQUIRE SSL`, [username, password]);
  await connection.query(`GRANT ALL ON *.* TO ?@'%' WITH GRANT OPTION`, [username]);
  await connection.end();
}

async function run(block: Block, shell: Shell): Promise<string> {
  const started = Date.now();
  const { code, output } = await shell.run(withValues(block.text, values));
  figures.push({
    heading: block.heading,
    commands: block.text.split("\n").filter((line) => /^\S/.test(line)).length,
    seconds: (Date.now() - started) / 1000,
  });
  if (code !== 0) throw new Error(`${block.heading}: ${code}\n${block.text}\n${output.slice(-4000)}`);
  return output;
}

/** What a person sees at the end of each step. */
const SEEN: Record<string, RegExp> = {
  "2. The deployer's rights": /assumed-role\/xray-dev-deployer\/deployer$/,
  "4. The data lake": /anna@example\.org\s+/,
  "5. The tunnel": /the tunnel to \S+:3306 is open/,
  "7. What the jobs need": /SUCCEEDED/,
  "8. The first backup": /"committed"[\s\S]*SUCCEEDED/,
  "9. The proof": /SUCCEEDED|report\.html/,
  "10. MySQL Workbench": /"default_schema" = "x_ray"/,
  "11. The end": /./,
};

test("every command of the page runs as it stands, from an empty account to a proved backup", async () => {
  const last: Record<string, string> = {};
  for (const block of blocksOf("first-deploy.md")) {
    if (block.onlyInAws !== undefined) continue;
    if (block.heading === "6. The schema") await makeMasterUser();
    if (block.text.includes("# yours\npython3")) values["STORE"] = (await deployer.run("echo $STORE")).output;
    last[block.heading] = await run(block, block.text.includes("xray_backup verify") ? auditor : deployer);
  }
  for (const [heading, expected] of Object.entries(SEEN))
    expect([heading, last[heading]]).toEqual([heading, expect.stringMatching(expected)]);
  expect(account.proxy.refusals).toEqual([]);
  const seconds = figures.reduce((sum, figure) => sum + figure.seconds, 0);
  const commands = figures.reduce((sum, figure) => sum + figure.commands, 0);
  console.log(
    `${commands} commands, ${seconds.toFixed(0)} s\n${figures.map(({ heading, seconds: s }) => `${heading}: ${s.toFixed(1)} s`).join("\n")}`,
  );
});
