import { readFileSync } from "node:fs";
import path from "node:path";
import { createConnection } from "mysql2/promise";
import { type ReplayOptions, replayApply, replayDestroy } from "../../local/replayer/replayer";
import type { MetadataSchemaProps } from "../../src/modules/database/metadata-schema";
import { SchemaPrivilege, SchemaUser } from "../../src/modules/database/schema-user";
import { migrationsFolder } from "./support/migrations";
import { describeOnServers } from "./support/servers";
import { passwordOf, secrets, synthesizeSchema, users } from "./support/synth";

const readSecret: ReplayOptions["readSecret"] = (id) => Promise.resolve(secrets[id] ?? "");

describeOnServers("MetadataSchema", (get) => {
  const replay = (props: MetadataSchemaProps): ReplayOptions => ({
    stackFile: synthesizeSchema(props),
    server: get().root,
    readSecret,
  });
  const asUser = (user: string) =>
    createConnection({ ...get().root, user, password: passwordOf(user), database: "x_ray", dateStrings: true });

  test("makes database, ledger, migrations, users and grants in that order", async () => {
    const addresses = await replayApply(replay({ users: users() }));
    expect(addresses.map((address) => address.replace(/_[0-9A-F]{8}$/, ""))).toMatchSnapshot();
  });

  test("the tables are these on every server", async () => {
    const definitions: Record<string, string> = {};
    for (const table of ["image", "transaction", "pred_bounding_box", "detections"]) {
      const [row] = await get().rows(`SHOW CREATE TABLE x_ray.\`${table}\``);
      definitions[table] = String(row?.["Create Table"] ?? row?.["Create View"]).replace(/DEFINER=\S+ /, "");
    }
    expect(definitions).toMatchSnapshot();
  });

  test("again, with Terraform's state lost: nothing happens to the tables and their rows", async () => {
    await get().connection.query("INSERT INTO x_ray.image VALUES (77, 'b', 'f', 'kept')");
    await replayApply(replay({ users: users() }));
    expect(await get().rows("SELECT image_file FROM x_ray.image")).toEqual([{ image_file: "kept" }]);
    await get().connection.query("DELETE FROM x_ray.image");
    expect(await get().rows("SELECT COUNT(*) AS n FROM x_ray.schema_migration")).toEqual([{ n: 4 }]);
  });

  test("each user may do its task and no more", async () => {
    const app = await asUser("xray_app");
    const backup = await asUser("xray_backup");
    const purge = await asUser("xray_purge");
    await app.query("INSERT INTO image VALUES (900, 'b', 'f', 'rights')");
    await backup.query("SELECT * FROM image");
    await purge.query("SELECT * FROM transaction WHERE transaction_id = 900 FOR UPDATE");
    await purge.query("DELETE FROM pred_bounding_box WHERE transaction_id = 900");
    await purge.query("DELETE FROM transaction WHERE transaction_id = 900");
    // What the schema is made of, and no row of a table that is not backed up.
    await backup.query("SHOW CREATE VIEW detections");
    await backup.query("SELECT * FROM schema_migration");
    const [names] = await backup.query("SHOW TABLES LIKE 'schema%'");
    expect((names as object[]).map((row) => Object.values(row)[0])).toContain("schema_account");
    for (const [connection, refused] of [
      [app, "DELETE FROM image"],
      [app, "UPDATE image SET folder = 'x'"],
      [app, "SELECT * FROM schema_migration"],
      [app, "DROP TABLE image"],
      [backup, "INSERT INTO image VALUES (901, 'b', 'f', 'x')"],
      [backup, "DELETE FROM image"],
      [backup, "SELECT * FROM schema_account"],
      [backup, "DELETE FROM schema_migration"],
      [backup, "DROP VIEW detections"],
      [purge, "INSERT INTO image VALUES (901, 'b', 'f', 'x')"],
      [purge, "SELECT image_file FROM image"],
      [purge, "DELETE FROM image"],
      [purge, "UPDATE transaction SET image_id = 1"],
      [purge, "TRUNCATE TABLE transaction"],
      [purge, "CREATE TABLE child (id INT, FOREIGN KEY (id) REFERENCES image (image_id))"],
      [purge, "SELECT * FROM schema_migration"],
    ] as const) {
      await expect(connection.query(refused)).rejects.toMatchObject({ errno: 1142 });
    }
    await get().connection.query("DELETE FROM x_ray.image WHERE image_id = 900");
    await Promise.all([app.end(), backup.end(), purge.end()]);
  });

  test("the purge's user sees triggers on what it deletes, and foreign keys to it from any schema", async () => {
    const { connection } = get();
    const purge = await asUser("xray_purge");
    await connection.query("CREATE DATABASE clinic");
    await connection.query(
      "CREATE TABLE clinic.review (of_id INT, FOREIGN KEY (of_id) REFERENCES x_ray.transaction (transaction_id))",
    );
    await connection.query("CREATE TRIGGER x_ray.gone AFTER DELETE ON x_ray.transaction FOR EACH ROW SET @gone = 1");
    const [keys] = await purge.query(
      "SELECT table_schema AS t, column_name AS c FROM information_schema.key_column_usage" +
        " WHERE referenced_table_schema = 'x_ray' AND referenced_table_name = 'transaction' ORDER BY 1",
    );
    expect(keys).toEqual([
      { t: "clinic", c: "of_id" },
      { t: "x_ray", c: "transaction_id" },
    ]);
    const [triggers] = await purge.query("SELECT trigger_name AS t FROM information_schema.triggers");
    expect(triggers).toEqual([{ t: "gone" }]);
    await expect(purge.query("SELECT * FROM clinic.review")).rejects.toMatchObject({ errno: 1142 });
    await connection.query("DROP TRIGGER x_ray.gone");
    await connection.query("DROP DATABASE clinic");
    await purge.end();
  });

  test("the web app's eight statements pass, by position and with explicit ids", async () => {
    const app = await asUser("xray_app");
    await app.query("USE x_ray");
    const value = async (sql: string) =>
      Object.values((((await app.query(sql))[0] as object[])[0] ?? {}) as object)[0] as unknown;
    expect(await value("SELECT MAX(image_id) FROM image")).toBeNull();
    await app.query("INSERT INTO image VALUES(1, 'bucket', 'xray-images', 'img_1')");
    expect(await value("SELECT image_id FROM image WHERE image_file = 'img_1'")).toBe(1);
    expect(await value("SELECT MAX(transaction_id) FROM transaction")).toBeNull();
    await app.query("INSERT INTO transaction VALUES(1, 1, '2022-05-24 11:08:23', 0.3, 0.5)");
    // Two predictions in one second: the hand-made table's UNIQUE(time) refused the second.
    await app.query("INSERT INTO transaction VALUES(2, 1, '2022-05-24 11:08:23', 0.3, 0.5)");
    expect(await value("SELECT MAX(pred_bbox_id) FROM pred_bounding_box")).toBeNull();
    await app.query("INSERT INTO pred_bounding_box VALUES(1, 1, 3, ROUND(0.51249,3), 611, 184, 757, 272)");
    expect(await value("SELECT MAX(pred_bbox_id) FROM pred_bounding_box")).toBe(1);
    expect(await value("SELECT pred_cs FROM pred_bounding_box")).toBe("0.512");
    await app.end();
  });

  test("an insert without an id gets the next one, a box without its transaction is refused", async () => {
    const { connection } = get();
    await connection.query("INSERT INTO x_ray.image (bucket, folder, image_file) VALUES ('b', 'f', 'img_9')");
    expect(await get().rows("SELECT MAX(image_id) = LAST_INSERT_ID() AS given FROM x_ray.image")).toEqual([
      { given: 1 },
    ]);
    await expect(
      connection.query("INSERT INTO x_ray.pred_bounding_box VALUES (9, 999, 1, 0.5, 1, 2, 3, 4)"),
    ).rejects.toMatchObject({ errno: 1452 });
    await expect(connection.query("DELETE FROM x_ray.image WHERE image_id = 1")).rejects.toMatchObject({ errno: 1451 });
  });

  test("names of images are compared as S3 compares them", async () => {
    await get().connection.query("INSERT INTO x_ray.image (bucket, folder, image_file) VALUES ('b', 'f', 'IMG_9')");
    expect(await get().rows("SELECT image_file FROM x_ray.image WHERE image_file = 'img_9'")).toEqual([
      { image_file: "img_9" },
    ]);
  });

  test("detections shows an image without a prediction, and each box once", async () => {
    const rows = await get().rows(
      "SELECT image_file, transaction_id, pred_bbox_id FROM x_ray.detections ORDER BY 1, 2",
    );
    expect(rows).toEqual([
      { image_file: "IMG_9", transaction_id: null, pred_bbox_id: null },
      { image_file: "img_1", transaction_id: 1, pred_bbox_id: 1 },
      { image_file: "img_1", transaction_id: 2, pred_bbox_id: null },
      { image_file: "img_9", transaction_id: null, pred_bbox_id: null },
    ]);
  });

  test("the hand-made sample script runs unmodified, children first", async () => {
    const other = { databaseName: "hand_made", preventDestroy: false };
    await replayApply(replay(other));
    const script = readFileSync(path.join(__dirname, "support", "hand_made_sample_data.sql"), "utf8");
    await get().connection.query("USE hand_made");
    await get().connection.query(script);
    expect(await get().rows("SELECT COUNT(*) AS n FROM hand_made.detections")).toEqual([{ n: 5 }]);
    await replayDestroy(replay(other));
    expect(await get().rows("SHOW DATABASES LIKE 'hand_made'")).toEqual([]);
  });

  test("sample data is loaded once, and rows that are there stay", async () => {
    const sample = { databaseName: "sample", sampleData: true, preventDestroy: false };
    await replayApply(replay(sample));
    await replayApply(replay(sample));
    const rows = await get().rows("SELECT image_file, time, pred_cs FROM sample.detections ORDER BY pred_bbox_id");
    expect(rows.map((row) => row["pred_cs"] as string)).toEqual(["0.500", "0.390", "0.500", "0.700", "0.390"]);
    await replayDestroy(replay(sample));
  });

  test("two whole deploys at once: each ends or fails with a sentence, and nothing runs twice", async () => {
    const folder = migrationsFolder(
      "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, slept INT); INSERT INTO t (slept) SELECT SLEEP(1)",
      "INSERT INTO t (slept) SELECT SLEEP(1)",
    );
    const deploy = () => replayApply(replay({ databaseName: "at_once", migrationsFolder: folder }));
    const results = await Promise.allSettled([deploy(), deploy(), deploy()]);
    expect(results.filter((result) => result.status === "fulfilled").length).toBeGreaterThan(0);
    for (const result of results) {
      // A procedure of the ledger that another deploy is just making is there already, or not there yet.
      if (result.status === "rejected")
        expect(String(result.reason)).toMatch(/^ToolError: mysql_sql\.Schema_\S+: Error 130[45]: /);
    }
    await deploy();
    expect(await get().rows("SELECT COUNT(*) AS n FROM at_once.t")).toEqual([{ n: 2 }]);
  });

  test("the rights of RDS's master user are enough for all of it", async () => {
    // RDS keeps SUPER and the like to itself: the list is what its master user has on MySQL 8.4.
    const rights =
      "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, ALTER, SHOW DATABASES, " +
      "CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION SLAVE, REPLICATION CLIENT, CREATE VIEW, SHOW VIEW, " +
      "CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, TRIGGER";
    await get().connection.query("CREATE USER master@'%' IDENTIFIED BY 'master-password'");
    await get().connection.query(`GRANT ${rights} ON *.* TO master@'%' WITH GRANT OPTION`);
    const asMaster = (props: MetadataSchemaProps): ReplayOptions => ({
      ...replay({ databaseName: "as_master", ...props }),
      server: { ...get().root, user: "master", password: "master-password" },
    });
    const reader = new SchemaUser({
      secret: { username: "xray_reader", secretArn: "xray_app", passwordVersion: 1 },
      privileges: [SchemaPrivilege.SELECT],
      tables: ["detections", "image", "transaction", "pred_bounding_box"],
    });
    await replayApply(asMaster({ users: [reader], sampleData: true }));
    await replayApply(asMaster({ users: [reader], sampleData: true }));
    const connection = await createConnection({ ...get().root, user: "xray_reader", password: passwordOf("xray_app") });
    expect((await connection.query("SELECT COUNT(*) AS n FROM as_master.detections"))[0]).toEqual([{ n: 5 }]);
    await connection.end();
    await expect(replayDestroy(asMaster({ users: [reader], sampleData: true }))).rejects.toThrow("Error 1644");
    await replayApply(asMaster({ users: [reader], preventDestroy: false }));
    await replayDestroy(asMaster({ users: [reader], preventDestroy: false }));
    expect(await get().rows("SHOW DATABASES LIKE 'as_master'")).toEqual([]);
  });

  test("destroy of a protected database is refused by the server before anything is gone", async () => {
    await expect(replayDestroy(replay({ users: users() }))).rejects.toThrow(
      /^mysql_sql\.Schema_Protection_\w+: Error 1644: x_ray is protected: its schema and data are not deleted$/,
    );
    const app = await asUser("xray_app");
    await expect(app.query("SELECT MAX(image_id) FROM image")).resolves.toBeDefined();
    await app.end();
  });

  test("protection can be turned on and off without touching a table", async () => {
    await replayApply(replay({ users: users(), preventDestroy: false }));
    expect(await get().rows("SELECT COUNT(*) > 0 AS kept FROM x_ray.image")).toEqual([{ kept: 1 }]);
    const destroyed = await replayDestroy(replay({ users: users(), preventDestroy: false }));
    expect(destroyed.at(-1)).toMatch(/^mysql_sql\.Schema_[0-9A-F]+$/);
    expect(await get().rows("SHOW DATABASES LIKE 'x_ray'")).toEqual([]);
    expect(await get().rows("SELECT user FROM mysql.user WHERE user LIKE 'xray%'")).toEqual([]);
  });
});
