import { createConnection } from "mysql2/promise";
import type { MetadataSchemaProps } from "../../src/modules/database/metadata-schema";
import { startEmulatorWithSecrets } from "./support/emulator";
import { migrationsFolder } from "./support/migrations";
import { describeOnServers } from "./support/servers";
import { passwordOf, synthesizeSchema, temporaryFolder, users } from "./support/synth";
import { Terraform, mysqlProviderVersion } from "./support/terraform";

const version = mysqlProviderVersion();
process.stderr.write(
  version === undefined
    ? "terraform init finds no petoju/mysql here: the replayer ran instead of Terraform\n"
    : `Terraform with petoju/mysql ${version}\n`,
);

const suite: typeof describeOnServers =
  version === undefined ? (title) => describe.skip(title, () => test.todo("no petoju/mysql")) : describeOnServers;

suite("MetadataSchema through Terraform", (get) => {
  const tables = "CREATE TABLE a (id INT PRIMARY KEY)";
  let count = 0;
  let databaseName = "";
  let outdir = "";

  const synth = (props: MetadataSchemaProps): Terraform => {
    const { server } = get();
    const stackFile = synthesizeSchema({ databaseName, ...props }, { mysql: server }, outdir);
    return new Terraform(stackFile, { MYSQL_PASSWORD: server.rootPassword });
  };
  const start = (props: MetadataSchemaProps): Terraform => {
    const terraform = synth(props);
    expect(terraform.init()).toMatchObject({ status: 0 });
    return terraform;
  };

  beforeEach(() => {
    count += 1;
    databaseName = `terraform_${count}`;
    outdir = temporaryFolder();
  });

  test("applies over TLS, plans nothing the second time, and survives the loss of its state", async () => {
    const terraform = start({ sampleData: true });
    expect(terraform.apply()).toMatchObject({ status: 0 });
    expect(terraform.plan()).toMatchObject({ status: 0 });
    expect(await get().rows(`SELECT COUNT(*) AS n FROM ${databaseName}.detections`)).toEqual([{ n: 5 }]);
    await get().connection.query(`DELETE FROM ${databaseName}.pred_bounding_box`);
    terraform.loseState();
    expect(terraform.apply()).toMatchObject({ status: 0 });
    expect(terraform.plan()).toMatchObject({ status: 0 });
    expect(await get().rows(`SELECT COUNT(*) AS n FROM ${databaseName}.pred_bounding_box`)).toEqual([{ n: 0 }]);
  });

  test("text with ${ and %{, and a statement of 60 KB, arrive as they were written", async () => {
    const text = `\${path.module} %{if} $\${x} \\\\ '' "q" – 肺 ${"x".repeat(60_000)}`;
    start({
      migrationsFolder: migrationsFolder(
        `CREATE TABLE a (t MEDIUMTEXT) DEFAULT CHARSET=utf8mb4; INSERT INTO a VALUES ('${text}')`,
      ),
    }).apply();
    const [row] = await get().rows(`SELECT t FROM ${databaseName}.a`);
    expect(row?.["t"]).toBe(text.replace("''", "'").replace("\\\\", "\\"));
  });

  test("a statement that the server refuses half-way: the next apply goes on after what is done", async () => {
    const broken = migrationsFolder(`${tables}; INSERT INTO b VALUES (1)`);
    const terraform = start({ migrationsFolder: broken });
    const failed = terraform.apply();
    expect(failed.status).toBe(1);
    expect(failed.output).toMatch(/Error 1146 .*b' doesn't exist/);
    await get().connection.query(`CREATE TABLE ${databaseName}.b (id INT)`);
    expect(terraform.apply()).toMatchObject({ status: 0 });
    expect(await get().rows(`SELECT * FROM ${databaseName}.b`)).toEqual([{ id: 1 }]);
  });

  test("a lossy change is refused and the data is intact", async () => {
    const first = "CREATE TABLE a (s VARCHAR(20)); INSERT INTO a VALUES ('abcdefghij')";
    start({ migrationsFolder: migrationsFolder(first) }).apply();
    const lossy = "-- allow: destructive (a test)\nALTER TABLE a MODIFY s VARCHAR(3)";
    const failed = synth({ migrationsFolder: migrationsFolder(first, lossy) }).apply();
    expect(failed.status).toBe(1);
    expect(failed.output).toMatch(/Error 1265/);
    expect(await get().rows(`SELECT * FROM ${databaseName}.a`)).toEqual([{ s: "abcdefghij" }]);
  });

  test("an applied migration that is edited and locked anew is refused by the database; taken back, all is well", async () => {
    const before = migrationsFolder(tables);
    start({ migrationsFolder: before, preventDestroy: false }).apply();
    const edited = synth({
      migrationsFolder: migrationsFolder("CREATE TABLE a (id BIGINT PRIMARY KEY)"),
      preventDestroy: false,
    });
    const failed = edited.apply();
    expect(failed.status).toBe(1);
    expect(failed.output).toMatch(/V0001\.1 was applied with another text/);
    const restored = synth({ migrationsFolder: before, preventDestroy: false });
    expect(restored.apply()).toMatchObject({ status: 0 });
    expect(restored.plan()).toMatchObject({ status: 0 });
  });

  test("destroy of a protected schema is refused by the plan, and by the database where the code is gone", async () => {
    const terraform = start({ sampleData: true });
    terraform.apply();
    const refused = terraform.destroy();
    expect(refused.status).toBe(1);
    expect(refused.output).toMatch(/[Ii]nstance cannot be destroyed/);
    terraform.removeResources();
    const gone = terraform.apply();
    expect(gone.status).toBe(1);
    expect(gone.output).toMatch(/Error 1644 .*is protected: its schema and data are not deleted/);
    expect(await get().rows(`SELECT COUNT(*) AS n FROM ${databaseName}.detections`)).toEqual([{ n: 5 }]);
  });

  test("protection goes on and off without a table being touched; then destroy takes the database away", async () => {
    start({ sampleData: true, preventDestroy: false }).apply();
    expect(synth({ sampleData: true, preventDestroy: true }).apply()).toMatchObject({ status: 0 });
    expect(await get().rows(`SELECT COUNT(*) AS n FROM ${databaseName}.detections`)).toEqual([{ n: 5 }]);
    const open = synth({ sampleData: true, preventDestroy: false });
    expect(open.apply()).toMatchObject({ status: 0 });
    expect(await get().rows(`SELECT COUNT(*) AS n FROM ${databaseName}.detections`)).toEqual([{ n: 5 }]);
    expect(open.destroy()).toMatchObject({ status: 0 });
    expect(await get().rows(`SHOW DATABASES LIKE '${databaseName}'`)).toEqual([]);
  });

  test("a database that was restored to an earlier time: plan and migration are refused, the documented command mends it", async () => {
    const second = "CREATE TABLE b (id INT PRIMARY KEY)";
    start({ migrationsFolder: migrationsFolder(tables, second) }).apply();
    // A restored snapshot: neither the table nor its row in the ledger, and the marker of that time.
    await get().connection.query(
      `DROP TABLE ${databaseName}.b; DELETE FROM ${databaseName}.schema_migration WHERE version = 2;
       RENAME TABLE ${databaseName}.schema_at_v0002_1 TO ${databaseName}.schema_at_v0001_1`,
    );
    const unchanged = synth({ migrationsFolder: migrationsFolder(tables, second) }).plan();
    expect(unchanged.status).toBe(1);
    expect(unchanged.output.replace(/\s+/g, " ")).toMatch(
      /The schema of terraform_\d+ is not the one that Terraform's state holds/,
    );

    const third = "CREATE TABLE c (id INT PRIMARY KEY)";
    const terraform = synth({ migrationsFolder: migrationsFolder(tables, second, third) });
    const refused = terraform.apply();
    expect(refused.status).toBe(1);
    expect(refused.output).toMatch(/V0003\.1: the one before it is missing: docs.runbook.instance-gone.md/);
    expect(terraform.forgetStatements()).toMatchObject({ status: 0 });
    expect(terraform.apply()).toMatchObject({ status: 0 });
    expect(
      await get().rows(`SHOW TABLES FROM ${databaseName} WHERE Tables_in_${databaseName} IN ('b', 'c')`),
    ).toHaveLength(2);
    expect(terraform.plan()).toMatchObject({ status: 0 });

    // A server without the database: restored to before it was made, or a new one.
    await get().connection.query(`DROP DATABASE ${databaseName}`);
    const gone = terraform.plan();
    expect(gone.status).toBe(1);
    expect(gone.output).toMatch(new RegExp(`Unknown database '${databaseName}'`));
    expect(terraform.forgetStatements()).toMatchObject({ status: 0 });
    expect(terraform.apply()).toMatchObject({ status: 0 });
    expect(terraform.plan()).toMatchObject({ status: 0 });
  });
});

// Users need the AWS provider, which takes seconds to start: the replayer's suite has them on MariaDB.
suite(
  "users through Terraform",
  (get) => {
    const outdir = temporaryFolder();
    const start = (passwordVersion: number): Terraform => {
      const { server } = get();
      const props = { users: users(passwordVersion) };
      const stackFile = synthesizeSchema(props, { mysql: server, aws: emulator.url }, outdir);
      return new Terraform(stackFile, { MYSQL_PASSWORD: server.rootPassword });
    };

    let emulator: Awaited<ReturnType<typeof startEmulatorWithSecrets>>;
    beforeAll(async () => {
      emulator = await startEmulatorWithSecrets();
    });
    afterAll(() => emulator.stop());

    const grants = () => get().rows("SHOW GRANTS FOR xray_app@'%'");

    test("passwords stand in no plan, state or JSON, and the second plan is empty", () => {
      const terraform = start(1);
      expect(terraform.init()).toMatchObject({ status: 0 });
      expect(terraform.run("plan", "-input=false", "-out=plan.bin")).toMatchObject({ status: 0 });
      expect(terraform.apply("plan.bin")).toMatchObject({ status: 0 });
      expect(terraform.plan()).toMatchObject({ status: 0 });
      const plan = terraform.run("show", "-json", "plan.bin").output;
      for (const text of [terraform.state(), terraform.stackJson(), plan]) {
        expect(text).toContain("xray_app");
        expect(text).not.toContain("9f8e7d");
        expect(text).not.toContain(get().server.rootPassword);
      }
    });

    test("a new password changes the user in place, and leaves its grants", () => {
      expect(start(2).apply().output).toMatch(/Resources: 0 added, 3 changed, 0 destroyed/);
    });

    test("a user that somebody dropped is made again, with its grants", async () => {
      await get().connection.query("DROP USER xray_app@'%'");
      expect(start(2).apply()).toMatchObject({ status: 0 });
      expect(await grants()).toHaveLength(4);
    });

    test("with the state lost, users that are there are made anew, and can log in", async () => {
      const terraform = start(2);
      terraform.loseState();
      expect(terraform.apply()).toMatchObject({ status: 0 });
      expect(await grants()).toHaveLength(4);
      const account = { ...get().root, user: "xray_app", password: passwordOf("xray_app"), database: "x_ray" };
      const app = await createConnection(account);
      await expect(app.query("SELECT MAX(image_id) FROM image")).resolves.toBeDefined();
      await app.end();
    });

    test("a wrong password, and a database that is down: each fails the plan, the second in seconds, with the host's name", () => {
      const terraform = start(2);
      const began = Date.now();
      const wrong = terraform.with({ MYSQL_PASSWORD: "wrong" }).plan();
      const secondsToAnswer = (Date.now() - began) / 1000;
      expect(wrong.status).toBe(1);
      expect(wrong.output).toMatch(/Error 1045 .*Access denied for user 'root'/);
      const beganAgain = Date.now();
      terraform.pointTo("127.0.0.1:9");
      const down = terraform.plan();
      expect(down.status).toBe(1);
      expect(down.output).toMatch(/127\.0\.0\.1:9: connect: connection refused/);
      // It tries for 3 seconds; the rest is Terraform and the AWS provider, as with the wrong password.
      expect((Date.now() - beganAgain) / 1000 - secondsToAnswer).toBeLessThan(15);
    });
  },
  ["mysql"],
);
