import { cpSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { repositoryRoot } from "../../local/tools/paths";
import { type ReplayOptions, replayApply } from "../../local/replayer/replayer";
import type { MetadataSchemaProps } from "../../src/modules/database/metadata-schema";
import { LOCK_FILE_NAME, writeLock } from "../../src/schema/lock";
import { readMigrations } from "../../src/schema/migration";
import { describeOnServers } from "./support/servers";
import { synthesizeSchema, temporaryFolder } from "./support/synth";

const packageMigrations = path.join(repositoryRoot, "sql", "migrations");
const adoption = path.join(repositoryRoot, "examples", "adopt-hand-made-database", "migrations");
const expandContract = path.join(repositoryRoot, "examples", "expand-contract", "migrations");

describeOnServers("examples", (get) => {
  const options = (props: MetadataSchemaProps): ReplayOptions => ({
    stackFile: synthesizeSchema(props),
    server: get().root,
    readSecret: () => Promise.resolve("{}"),
  });

  describe("adoption of a hand-made database", () => {
    const IMAGES = 100_000;
    const TRANSACTIONS = 95_000;
    const BOXES = 425_000;
    const columns = {
      image: "image_id, bucket, folder, image_file",
      transaction: "transaction_id, image_id, time, cs_thr, nms_thr",
      pred_bounding_box: "pred_bbox_id, transaction_id, pred_class, pred_cs, x_min, y_min, x_max, y_max",
    };
    type Table = keyof typeof columns;
    const tables = Object.keys(columns) as Table[];

    /** Rows and an order-free fingerprint of a table, or of those of its rows that a condition names. */
    const fingerprint = async (table: Table, from = table as string, where = "TRUE") => {
      const hash = `CONV(SUBSTRING(SHA2(CONCAT_WS('|', ${columns[table]}), 256), 1, 15), 16, 10)`;
      const [row] = await get().rows(
        `SELECT COUNT(*) AS n, SUM(CAST(${hash} AS DECIMAL(38, 0))) AS fingerprint FROM x_ray.\`${from}\` WHERE ${where}`,
      );
      return { rows: Number(row?.["n"]), fingerprint: String(row?.["fingerprint"]) };
    };
    const before: Record<string, { rows: number; fingerprint: string }> = {};

    beforeAll(async () => {
      const script = readFileSync(path.join(__dirname, "support", "hand_made_schema.sql"), "utf8");
      const { connection, isMariaDb } = get();
      await connection.query("CREATE DATABASE x_ray; USE x_ray; SET FOREIGN_KEY_CHECKS = 0");
      // MariaDB has no VISIBLE indexes, one of the faults of the script.
      await connection.query(isMariaDb ? script.replaceAll(" VISIBLE", "") : script);
      const depth = isMariaDb ? "max_recursive_iterations" : "cte_max_recursion_depth";
      const fill = (table: string, rows: number, values: string) =>
        `INSERT INTO \`${table}\` WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows}) SELECT ${values} FROM n`;
      await connection.query(`SET SESSION ${depth} = 1000000`);
      await connection.query(fill("image", IMAGES, "i, 'nhannt70', 'xray-images', CONCAT('ảnh_', i)"));
      // The last 40 transactions have no image, so their boxes cannot come along either.
      await connection.query(
        fill(
          "transaction",
          TRANSACTIONS,
          `i, IF(i > ${TRANSACTIONS - 40}, i + 1000000, i), TIMESTAMP'2022-05-24 11:00:00' + INTERVAL i SECOND, 0.3, 0.5`,
        ),
      );
      // And 25 boxes have no transaction.
      await connection.query(
        fill(
          "pred_bounding_box",
          BOXES,
          `i, IF(i <= 25, i + 1000000, 1 + (i MOD ${TRANSACTIONS})), i MOD 14, (i MOD 1000) / 1000, i MOD 512, i MOD 500, i MOD 2000, i MOD 1999`,
        ),
      );
      for (const table of tables) before[table] = await fingerprint(table);
    });

    test("its migrations begin with the old tables and go on as the package's own", () => {
      const [, tablesStep, viewStep] = readMigrations(adoption);
      const [packageTables, packageView] = readMigrations(packageMigrations);
      expect(tablesStep?.sha256).toBe(packageTables?.sha256);
      expect(viewStep?.sha256).toBe(packageView?.sha256);
    });

    test("keeps every row: copied where it has its parents, shown where it has not", async () => {
      const began = Date.now();
      await replayApply(options({ migrationsFolder: adoption }));
      const seconds = (Date.now() - began) / 1000;
      process.stderr.write(
        `adopted ${IMAGES} images, ${TRANSACTIONS} transactions, ${BOXES} boxes in ${seconds.toFixed(1)} s\n`,
      );

      for (const table of tables) expect(await fingerprint(table, `hand_made_${table}`)).toEqual(before[table]);
      const orphans = await get().rows(
        "SELECT orphan_table, COUNT(*) AS n FROM x_ray.hand_made_orphan GROUP BY 1 ORDER BY 1",
      );
      const boxesOfOrphans = Number(orphans[0]?.["n"]) - 25;
      expect(orphans).toEqual([
        { orphan_table: "pred_bounding_box", n: 25 + boxesOfOrphans },
        { orphan_table: "transaction", n: 40 },
      ]);
      expect(boxesOfOrphans).toBeGreaterThan(100);

      expect(await fingerprint("image")).toEqual(before["image"]);
      for (const [table, id] of [
        ["transaction", "transaction_id"],
        ["pred_bounding_box", "pred_bbox_id"],
      ] as const) {
        const kept = `${id} NOT IN (SELECT orphan_id FROM x_ray.hand_made_orphan WHERE orphan_table = '${table}')`;
        expect(await fingerprint(table)).toEqual(await fingerprint(table, `hand_made_${table}`, kept));
      }
      expect((await fingerprint("transaction")).rows).toBe(TRANSACTIONS - 40);
      expect((await fingerprint("pred_bounding_box")).rows).toBe(BOXES - 25 - boxesOfOrphans);
    });

    test("ends with the tables of a new database", async () => {
      await replayApply(options({ databaseName: "fresh" }));
      for (const table of tables) {
        const definition = async (database: string) => {
          const [row] = await get().rows(`SHOW CREATE TABLE ${database}.\`${table}\``);
          return String(row?.["Create Table"]).replace(/ AUTO_INCREMENT=\d+/, "");
        };
        expect(await definition("x_ray")).toBe(await definition("fresh"));
      }
    });

    test("again: nothing happens", async () => {
      await replayApply(options({ migrationsFolder: adoption }));
      expect((await fingerprint("transaction")).rows).toBe(TRANSACTIONS - 40);
    });
  });

  describe("expand and contract", () => {
    const stage = (last: number) => {
      const folder = temporaryFolder();
      cpSync(packageMigrations, folder, { recursive: true });
      for (const migration of ["V0003__expand_add_object_key.sql", "V0004__contract_drop_folder.sql"].slice(
        0,
        last - 2,
      )) {
        cpSync(path.join(expandContract, migration), path.join(folder, migration));
      }
      writeLock(folder, readMigrations(folder));
      expect(Object.keys(JSON.parse(readFileSync(path.join(folder, LOCK_FILE_NAME), "utf8")) as object)).toHaveLength(
        last,
      );
      return options({ databaseName: "expand", migrationsFolder: folder });
    };

    test("the old app goes on between the two, and no value is lost", async () => {
      const { connection } = get();
      await replayApply(stage(2));
      await connection.query("INSERT INTO expand.image VALUES (1, 'b', 'xray-images', 'before')");
      await replayApply(stage(3));
      await connection.query("INSERT INTO expand.image VALUES (2, 'b', 'xray-images', 'between')");
      expect(await get().rows("SELECT * FROM expand.image WHERE image_id = 2")).toEqual([
        { image_id: 2, bucket: "b", folder: "xray-images", image_file: "between" },
      ]);
      await replayApply(stage(4));
      expect(await get().rows("SELECT image_id, object_key FROM expand.detections ORDER BY 1")).toEqual([
        { image_id: 1, object_key: "xray-images/before" },
        { image_id: 2, object_key: "xray-images/between" },
      ]);
    });

    test("without their reasons the second migration is refused", () => {
      const folder = temporaryFolder();
      cpSync(packageMigrations, folder, { recursive: true });
      const text = readFileSync(path.join(expandContract, "V0004__contract_drop_folder.sql"), "utf8");
      writeFileSync(path.join(folder, "V0003__contract.sql"), text.replace(/^-- allow:.*$/gm, ""));
      expect(() => readMigrations(folder)).toThrow(
        /^V0003__contract\.sql:4: may lose data: UPDATE image SET object_key/,
      );
    });
  });
});
