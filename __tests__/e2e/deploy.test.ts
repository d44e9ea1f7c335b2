import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { GetObjectCommand, paginateListObjectsV2 } from "@aws-sdk/client-s3";
import { createConnection } from "mysql2/promise";
import { copyApp } from "../../local/environment/app-copy";
import { roundTrip, s3Client } from "../../local/environment/aws-clients";
import { DATA_LAKE, Deployment } from "../../local/environment/deployment";
import { sampleImage } from "../../local/environment/sample-image";
import { localPath } from "../../local/tools/paths";
import { alarmState, type MetricAlarm } from "../terraform/support/alarm-state";
import { callAws } from "../support/emulator-calls";
import { describeEnforcement } from "./support/enforcement";
import { KINDS, kindsWith } from "./support/what-is-there";
import { describePlanInCi } from "./support/plan-in-ci";

jest.setTimeout(20 * 60_000);

/** The emulator gives each instance a public address, whatever it is told. */
const EMULATOR_CHANGES = [expect.stringMatching(/^aws_instance\.Bastion_/)];
const GUARDED = "guarded-data-lake";

const folder = localPath("e2e");
const deployment = new Deployment({ projectFolder: folder, serversFolder: folder });
const { project } = deployment;

beforeAll(async () => {
  copyApp(folder, path.join(__dirname, "app.js"));
  await deployment.start();
  console.log(`MySQL ${deployment.mysql.version}; the schema went through the ${deployment.schemaPath}`);
  await project.deploy([GUARDED]);
});

afterAll(() => deployment.stop());

/** Every text that a deploy leaves behind: synthesized JSON, states, plans. */
async function artefacts(): Promise<string> {
  const texts: string[] = [];
  for (const stack of [...deployment.stacks, GUARDED]) {
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

/** Every file below a folder, without those of some folders. */
function textFiles(below: string, without: string[]): string[] {
  return readdirSync(below, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(below, entry.name);
    if (entry.isDirectory()) return without.includes(entry.name) ? [] : textFiles(file, without);
    return entry.isFile() ? [file] : [];
  });
}

/** The keys of a bucket but those below `images`, and the texts of those objects that are no rows. */
async function storedTexts(
  endpoint: string,
  bucket: string,
  images: string,
): Promise<{ keys: string[]; texts: (readonly [string, string])[] }> {
  const s3 = s3Client(endpoint);
  const texts: (readonly [string, string])[] = [];
  const keys: string[] = [];
  for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket: bucket })) {
    for (const { Key = "" } of Contents.filter((object) => !object.Key?.startsWith(images))) {
      keys.push(Key);
      if (Key.endsWith(".parquet")) continue;
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
      texts.push([Key, (await Body?.transformToString("latin1")) ?? ""]);
    }
  }
  return { keys, texts };
}

/** The statement of each table, view and procedure of the schema, without what differs by who made it and when. */
async function schemaObjects(): Promise<Record<string, string>> {
  const named = (sql: string) => deployment.administer<{ name: string }>(sql);
  const tables = await named("SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'x_ray'");
  const procedures = await named(
    "SELECT routine_name AS name FROM information_schema.routines WHERE routine_schema = 'x_ray'",
  );
  const statements: [string, string][] = [];
  for (const [kind, names] of [
    ["DATABASE", [{ name: "x_ray" }]],
    ["TABLE", tables],
    ["PROCEDURE", procedures],
  ] as const) {
    for (const { name } of names) {
      const object = kind === "DATABASE" ? name : `x_ray.\`${name}\``;
      const [row = {}] = await deployment.administer<Record<string, string>>(`SHOW CREATE ${kind} ${object}`);
      const statement = Object.entries(row).find(([column]) => /^Create /.test(column))?.[1] ?? "";
      statements.push([
        `${kind} ${name}`,
        statement.replace(/ DEFINER=\S+| AUTO_INCREMENT=\d+| CHARACTER SET utf8mb4/g, ""),
      ]);
    }
  }
  return Object.fromEntries(statements.sort());
}

// In order: the tests follow one deployment through its life.
describe("a deployed environment", () => {
  test("a second plan of each stack has no changes", async () => {
    for (const stack of [...deployment.stacks, GUARDED])
      expect([stack, await project.plannedChanges(stack)]).toEqual([stack, EMULATOR_CHANGES]);
  });

  test("an X-ray goes into the bucket and comes back", async () => {
    const { outputs, resources } = await project.readState(DATA_LAKE);
    expect(resources.length).toBeGreaterThanOrEqual(40);
    const image = sampleImage();
    expect(await roundTrip(deployment.emulator.url, String(outputs["bucket"]), "xray-images/img_1", image)).toEqual(
      image,
    );
  });

  test("a user logs in over TLS with what his secret says, and reads the sample rows", async () => {
    const { outputs } = await project.readState(DATA_LAKE);
    const { xray_app: secretArn = "" } = outputs["user_secret_arns"] as Record<string, string>;
    const { host, port, username, password, dbname, engine } = JSON.parse(
      await deployment.secrets.read(secretArn),
    ) as Record<string, string>;
    expect({ host, port, engine, dbname, username }).toEqual({
      host: deployment.mysql.host,
      port: deployment.mysql.port,
      engine: "mysql",
      dbname: "x_ray",
      username: "xray_app",
    });
    const ssl =
      deployment.mysql.caFile === undefined ? undefined : { ca: readFileSync(deployment.mysql.caFile, "utf8") };
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
    const { secrets } = deployment;
    const passwords: string[] = [];
    for (const name of await secrets.names()) {
      passwords.push((JSON.parse(await secrets.read(name)) as { password: string }).password);
    }
    expect(passwords.length).toBeGreaterThanOrEqual(10); // four users and a master user, twice
    const text = await artefacts();
    for (const password of [...passwords, deployment.mysql.rootPassword]) {
      expect(password.length).toBeGreaterThanOrEqual(8);
      expect(text.includes(password)).toBe(false);
    }
  });

  describe("its principals, with IAM on", () => describeEnforcement(deployment));

  describe("a pull request to it", () => describePlanInCi(deployment));

  test("a lost schema is restored by its backup, and the next deploy finds every migration applied", async () => {
    const before = await schemaObjects();
    const rows = "SELECT * FROM x_ray.detections ORDER BY image_id, transaction_id, pred_bbox_id";
    const detections = await deployment.administer(rows);
    await deployment.runBackup("backup", "xray_backup", ["--run-slot", "lost"]);
    await deployment.administer("DROP DATABASE x_ray");
    const rights = "CREATE, CREATE VIEW, ALTER, REFERENCES, SELECT, INSERT";
    await deployment.administer(`GRANT ${rights} ON x_ray.* TO xray_restore`);
    await deployment.runBackup("restore", "xray_restore", ["--backups", "latest", "--mode", "execute"]);
    const restored = await schemaObjects();
    // A deploy makes the others each time: the marker, the procedures and the record of accounts.
    expect(Object.keys(restored)).toEqual([
      "DATABASE x_ray",
      "TABLE detections",
      "TABLE image",
      "TABLE pred_bounding_box",
      "TABLE schema_migration",
      "TABLE transaction",
    ]);
    expect(before).toMatchObject(restored);
    expect(await deployment.administer(rows)).toEqual(detections);
    deployment.loseSchemaState();
    await deployment.deploySchema();
    expect(await schemaObjects()).toEqual(before);
    expect(await deployment.administer(rows)).toEqual(detections);
  });

  test("what a backup prints ends the alarm on a missing one; what a dry run or a repetition prints does not", async () => {
    const { url } = deployment.emulator;
    const alarms = "guarded-data-lake-alarms";
    const { metricFilters } = await callAws<{ metricFilters: { logGroupName: string }[] }>(
      url,
      "logs",
      "DescribeMetricFilters",
      { filterNamePrefix: `${alarms}-ProvedBackups` },
    );
    const [{ logGroupName } = { logGroupName: "" }] = metricFilters;
    const { MetricAlarms } = await callAws<{ MetricAlarms: MetricAlarm[] }>(url, "monitoring", "DescribeAlarms", {
      AlarmNames: [`${alarms}-NoBackup`],
    });
    const [alarm] = MetricAlarms as [MetricAlarm];
    /** The alarm's state once the job's log group has each line that a run printed, as Glue sends them. */
    const stateAfter = async (stream: string, daysAgo: number, ...args: string[]): Promise<string> => {
      const run = ["--run-slot", "proof", "--log", "json", ...args];
      const { stdout } = await deployment.runBackup("backup", "xray_backup", run);
      const lines = stdout.split("\n").filter((line) => line !== "");
      expect(lines.length).toBeGreaterThanOrEqual(2);
      await callAws(url, "logs", "CreateLogStream", { logGroupName, logStreamName: stream });
      const timestamp = Date.now() - daysAgo * 86_400_000;
      const logEvents = lines.map((message) => ({ timestamp, message }));
      await callAws(url, "logs", "PutLogEvents", { logGroupName, logStreamName: stream, logEvents });
      return alarmState(url, alarm, new Date());
    };
    expect(await stateAfter("dry-run", 1, "--mode", "dry-run")).toBe("ALARM");
    expect(await stateAfter("backup", 8)).toBe("ALARM"); // so long ago
    expect(await stateAfter("again", 1)).toBe("ALARM"); // the slot has its backup
    expect(await stateAfter("other", 1, "--run-slot", "proof-2")).toBe("OK");
  });

  test("no password and no image file name is in a file, a log, a state, a plan, a key or a manifest of all this", async () => {
    const { outputs, emulator, secrets, mysql } = deployment;
    const bucket = String(outputs["bucket"]);
    const name = "Doe^Jane_1971-03-02.png";
    await roundTrip(emulator.url, bucket, `xray-images/${name}`, sampleImage());
    const insert = (table: string, values: string): Promise<unknown> =>
      deployment.administer(`INSERT INTO x_ray.${table} VALUES (${values})`);
    await insert("image", `7001, '${bucket}', 'xray-images', '${name}'`);
    await insert("transaction", "7001, 7001, '2020-01-01 00:00:00', 0.5, 0.5");
    await insert("pred_bounding_box", "7001, 7001, 1, 0.9, 1, 2, 3, 4");
    // The transaction is not the newest, which no purge takes.
    await insert("transaction", "7002, 7001, NOW(), 0.5, 0.5");
    await insert("pred_bounding_box", "7002, 7002, 1, 0.9, 1, 2, 3, 4");
    const outputsOfRuns: string[] = [];
    for (const [command, user, ...args] of [
      ["backup", "xray_backup", "--run-slot", "names", "--lag-minutes", "0"],
      ["archive", "xray_backup", "--run-slot", "names", "--older-than-days", "90"],
      ["purge", "xray_purge", "--older-than-days", "90", "--mode", "execute"],
      ["restore", "xray_restore", "--backups", "archive-names", "--mode", "execute"],
      ["verify", undefined, "--backups", "latest"],
      ["list", undefined],
    ] as const) {
      const { output } = await deployment.runBackup(command, user, [...args, "--log", "json"]);
      outputsOfRuns.push(output);
    }
    expect(outputsOfRuns.join("\n")).toContain('"units": {"deleted": 3}'); // this row and two of the sample
    const { texts, keys } = await storedTexts(emulator.url, bucket, "xray-images/");
    expect(keys.filter((key) => /\/_manifests\/.*\.json$/.test(key)).length).toBeGreaterThanOrEqual(3);
    const passwords: string[] = [mysql.rootPassword];
    for (const secret of await secrets.names()) {
      passwords.push((JSON.parse(await secrets.read(secret)) as { password: string }).password);
    }
    const files = textFiles(folder, ["node_modules", "mysql"]);
    expect(files.length).toBeGreaterThanOrEqual(20);
    const places = [
      ...outputsOfRuns.map((text, index) => [`run ${index}`, text] as const),
      ...keys.map((key) => [`key ${key}`, key] as const),
      ...texts,
      ...files.map((file) => [path.relative(folder, file), readFileSync(file, "latin1")] as const),
    ];
    const found = places.filter(([, text]) => [name, "Doe^Jane", ...passwords].some((value) => text.includes(value)));
    expect(found.map(([place]) => place)).toEqual([]);
    console.log(`${places.length} texts, ${passwords.length} passwords and an image file name: 0 found`);
  });

  test("cdktf destroy of a protected environment is refused, and everything stays", async () => {
    const before = (await project.readState(GUARDED)).resources;
    // cdktf may end before it has shown Terraform's reason, so that Terraform is asked for it as well.
    await expect(project.destroy([GUARDED])).rejects.toThrow(/cdktf destroy ended with 1/);
    await expect(project.planDestroy(GUARDED)).rejects.toThrow(/[Ii]nstance cannot be destroyed/);
    expect((await project.readState(GUARDED)).resources).toEqual(before);
    expect(await project.plannedChanges(GUARDED)).toEqual(EMULATOR_CHANGES);
  });

  test("destroy of an unprotected environment leaves nothing", async () => {
    expect(await kindsWith(deployment.emulator.url, "local-data-lake")).toEqual(KINDS);
    await project.destroy(deployment.stacks);
    for (const stack of deployment.stacks) expect((await project.readState(stack)).resources).toEqual([]);
    expect(await kindsWith(deployment.emulator.url, "local-data-lake")).toEqual([]);
  });
});
