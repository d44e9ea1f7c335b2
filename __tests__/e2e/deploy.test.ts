import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createConnection } from "mysql2/promise";
import { LocalSecrets, roundTrip } from "../../local/aws";
import { CdktfProject } from "../../local/cdktf-project";
import type { Emulator } from "../../local/emulator";
import { startEmulator } from "../../local/emulator";
import type { OpenServer } from "../../local/mysql/open-server";
import { openServer } from "../../local/mysql/open-server";
import { replayApply } from "../../local/mysql/replayer";
import { localPath, repositoryRoot } from "../../local/paths";
import { sampleImage } from "../../local/sample-image";
import { canGetProvider, MYSQL_PROVIDER } from "../../local/terraform-providers";
import { terraformEnvironment } from "../../local/terraform-cli-config";

jest.setTimeout(20 * 60_000);

const DATA_LAKE = "local-data-lake";
const SCHEMA = "local-metadata-schema";
const GUARDED = "guarded-data-lake";

const folder = localPath("e2e");
const environment = terraformEnvironment();
const project = new CdktfProject(folder, environment);
let emulator: Emulator;
let mysql: OpenServer;
let stacks: string[];

beforeAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const part of ["dist", "sql"]) {
    cpSync(path.join(repositoryRoot, part), path.join(folder, part), { recursive: true });
  }
  cpSync(path.join(__dirname, "app.js"), path.join(folder, "app.js"));
  const configuration = { language: "typescript", app: "node app.js", sendCrashReports: "false" };
  writeFileSync(path.join(folder, "cdktf.json"), JSON.stringify(configuration));
  emulator = await startEmulator();
  mysql = await openServer({ dataFolder: path.join(folder, "mysql") });
  Object.assign(environment, {
    AWS_ENDPOINT_URL: emulator.url,
    MYSQL_ENDPOINT: `${mysql.host}:${mysql.port}`,
    MYSQL_USERNAME: mysql.rootUser,
    MYSQL_PASSWORD: mysql.rootPassword,
    MYSQL_TLS_CA_CERT: mysql.caFile,
  });
  const provider = await canGetProvider(MYSQL_PROVIDER, environment);
  stacks = provider ? [DATA_LAKE, SCHEMA] : [DATA_LAKE];
  console.log(`MySQL ${mysql.version}; the schema went through the ${provider ? "provider" : "replayer"}`);
  await project.deploy(stacks);
  await project.deploy([GUARDED]);
  if (!provider) {
    const { host, port, rootUser: user, rootPassword: password, caFile } = mysql;
    const secrets = new LocalSecrets(emulator.url);
    await replayApply({
      stackFile: path.join(project.stackFolder(SCHEMA), "cdk.tf.json"),
      server: { host, port, user, password, caFile },
      readSecret: (secretId) => secrets.read(secretId),
    });
  }
});

afterAll(async () => {
  await emulator?.stop();
  await mysql?.stop();
});

/** Every text that a deploy leaves behind: synthesized JSON, states, plans. */
async function artefacts(): Promise<string> {
  const texts: string[] = [];
  for (const stack of [...stacks, GUARDED]) {
    texts.push(readFileSync(path.join(project.stackFolder(stack), "cdk.tf.json"), "utf8"));
    texts.push((await project.readState(stack)).json);
  }
  for (const parent of ["state", "log"]) {
    for (const name of readdirSync(path.join(folder, ".local", parent))) {
      texts.push(readFileSync(path.join(folder, ".local", parent, name), "utf8"));
    }
  }
  return texts.join("\n");
}

async function emulatorData(): Promise<string> {
  return (await fetch(`${emulator.url}/moto-api/data.json`)).text();
}

// In order: the tests follow one deployment through its life.
describe("a deployed environment", () => {
  test("a second plan of each stack has no changes", async () => {
    for (const stack of [...stacks, GUARDED]) expect([stack, await project.isUnchanged(stack)]).toEqual([stack, true]);
  });

  test("an X-ray goes into the bucket and comes back", async () => {
    const { outputs, resources } = await project.readState(DATA_LAKE);
    expect(resources.length).toBeGreaterThanOrEqual(40);
    const image = sampleImage();
    expect(await roundTrip(emulator.url, String(outputs["bucket"]), "xray-images/img_1", image)).toEqual(image);
  });

  test("a user logs in over TLS with what his secret says, and reads the sample rows", async () => {
    const { outputs } = await project.readState(DATA_LAKE);
    const { xray_app: secretArn = "" } = outputs["user_secret_arns"] as Record<string, string>;
    const { host, port, username, password, dbname, engine } = JSON.parse(
      await new LocalSecrets(emulator.url).read(secretArn),
    ) as Record<string, string>;
    expect({ host, port, engine, dbname, username }).toEqual({
      host: mysql.host,
      port: mysql.port,
      engine: "mysql",
      dbname: "x_ray",
      username: "xray_app",
    });
    const ssl = mysql.caFile === undefined ? undefined : { ca: readFileSync(mysql.caFile, "utf8") };
    const connection = await createConnection({
      host,
      port: Number(port),
      user: username,
      password,
      database: dbname,
      ssl,
    });
    const [rows] = await connection.query("SELECT COUNT(*) AS boxes FROM pred_bounding_box");
    await connection.end();
    expect(rows).toEqual([{ boxes: 5 }]);
  });

  test("no secret that the emulator holds stands in a synthesized file, a state, a plan or a log", async () => {
    const secrets = new LocalSecrets(emulator.url);
    const passwords: string[] = [];
    for (const name of await secrets.names()) {
      passwords.push((JSON.parse(await secrets.read(name)) as { password: string }).password);
    }
    expect(passwords.length).toBeGreaterThanOrEqual(10); // four users and a master user, twice
    const text = await artefacts();
    for (const password of [...passwords, mysql.rootPassword]) {
      expect(password.length).toBeGreaterThanOrEqual(8);
      expect(text.includes(password)).toBe(false);
    }
  });

  test("cdktf destroy of a protected environment is refused, and everything stays", async () => {
    const before = (await project.readState(GUARDED)).resources;
    // cdktf may end before it has shown Terraform's reason, so that Terraform is asked for it as well.
    await expect(project.destroy([GUARDED])).rejects.toThrow(/cdktf destroy ended with 1/);
    await expect(project.planDestroy(GUARDED)).rejects.toThrow(/Instance cannot be destroyed/);
    expect((await project.readState(GUARDED)).resources).toEqual(before);
    expect(await project.isUnchanged(GUARDED)).toBe(true);
  });

  test("destroy of an unprotected environment leaves nothing", async () => {
    await project.destroy(stacks);
    for (const stack of stacks) expect((await project.readState(stack)).resources).toEqual([]);
    expect(await emulatorData()).not.toMatch(/local-data-lake/);
  });
});
