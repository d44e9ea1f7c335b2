import { setTimeout as sleep } from "node:timers/promises";
import { SUPPORTED, judgeStatement } from "../../src/schema/additive";
import * as ledger from "../../src/schema/ledger";
import { splitStatements } from "../../src/schema/statement";
import { connectAsProvider } from "../../local/replayer/replayer";
import { describeOnServers } from "./support/servers";

describeOnServers("ledger", (get) => {
  let database = "";
  let count = 0;

  /** The SQL that applies one statement as V<version>.1, after the version before it. */
  const apply = (version: number, sql: string, previous = version - 1): string => {
    const [statement] = splitStatements(sql, "test.sql");
    if (statement === undefined) throw new Error("no statement");
    const before = previous > 0 ? { version: previous, statement: 1 } : undefined;
    return ledger.applyStatement(database, { version, statement: 1 }, "test", statement, before);
  };
  const run = (sql: string) => get().connection.query(sql);
  const recorded = () => get().rows(`SELECT version, statement, state FROM ${database}.schema_migration ORDER BY 1, 2`);

  const makeLedger = async (name: string, options: { lockWaitSeconds?: number; protected?: boolean } = {}) => {
    await run(ledger.createDatabase(name));
    await run(ledger.createGuard(name, options.protected ?? false));
    await run(ledger.createLedgerTable(name));
    await run(ledger.createApplyProcedure(name, options.lockWaitSeconds));
  };

  beforeEach(async () => {
    count += 1;
    database = `ledger_${count}`;
    await makeLedger(database);
  });

  test("runs a statement once, in its own database, whatever database the session is in", async () => {
    await run("CREATE DATABASE IF NOT EXISTS elsewhere; USE elsewhere");
    await run(apply(1, "CREATE TABLE t (id INT PRIMARY KEY)"));
    await run(apply(1, "CREATE TABLE t (id INT PRIMARY KEY)"));
    expect(await get().rows("SHOW TABLES FROM elsewhere")).toEqual([]);
    expect(await get().rows(`SHOW TABLES FROM ${database} LIKE 't'`)).toHaveLength(1);
    expect(await recorded()).toEqual([{ version: 1, statement: 1, state: "done" }]);
  });

  test("making the ledger again keeps what it holds", async () => {
    await run(apply(1, "CREATE TABLE t (id INT PRIMARY KEY)"));
    await makeLedger(database);
    expect(await recorded()).toHaveLength(1);
  });

  test("refuses a statement that was applied with another text", async () => {
    await run(apply(1, "CREATE TABLE t (id INT PRIMARY KEY)"));
    await expect(run(apply(1, "CREATE TABLE t (id BIGINT PRIMARY KEY)"))).rejects.toMatchObject({
      errno: 1644,
      message: "V0001.1 was applied with another text: take the edit back, write a new migration",
    });
  });

  test("a refused statement leaves no row, and the next deploy tries it again", async () => {
    const insert = apply(1, "INSERT INTO missing VALUES (1)");
    await expect(run(insert)).rejects.toMatchObject({ errno: 1146 });
    expect(await recorded()).toEqual([]);
    await run(`CREATE TABLE ${database}.missing (id INT PRIMARY KEY)`);
    await run(insert);
    expect(await get().rows(`SELECT * FROM ${database}.missing`)).toEqual([{ id: 1 }]);
  });

  // Classes of SQLSTATE that no handler for SQLEXCEPTION sees: 01 of a warning, 02 of "not found".
  test.each([
    ["ALTER TABLE t MODIFY name VARCHAR(3)", 1265],
    ["ALTER TABLE t MODIFY name ENUM('a', 'b')", 1265],
    ["INSERT INTO refusing VALUES (2)", 1643],
    ["INSERT INTO refusing VALUES (4)", 1644],
  ])("refused in any class, %s leaves neither row nor trace", async (sql, errno) => {
    await run(apply(1, "CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20))"));
    await run(`USE ${database}; INSERT INTO t VALUES (1, 'abcdefghij'); CREATE TABLE refusing (id INT PRIMARY KEY)`);
    await run(`CREATE TRIGGER refuse BEFORE INSERT ON refusing FOR EACH ROW
      IF NEW.id = 2 THEN SIGNAL SQLSTATE '02000'; ELSEIF NEW.id = 4 THEN SIGNAL SQLSTATE '45000'; END IF`);
    const before = await recorded();
    for (const attempt of [1, 2]) {
      await expect(run(apply(2, sql))).rejects.toMatchObject({ errno });
      expect([attempt, await recorded()]).toEqual([attempt, before]);
    }
    expect(
      await get().rows("SELECT @schema_sql AS text, IS_FREE_LOCK(CONCAT('schema:', SHA2(?, 224))) AS free", [database]),
    ).toEqual([{ text: null, free: 1 }]);
    expect(await get().rows(`SELECT * FROM ${database}.t`)).toEqual([{ id: 1, name: "abcdefghij" }]);
    await run("UPDATE t SET name = 'a'; DROP TRIGGER refuse");
    await run(apply(2, sql));
    expect(await recorded()).toContainEqual({ version: 2, statement: 1, state: "done" });
  });

  test("a warning or a note is no refusal: the statement is done", async () => {
    await run(apply(1, "CREATE TABLE t (id INT(11) PRIMARY KEY, day DATE, name VARCHAR(9) CHARACTER SET utf8mb3)"));
    await run(apply(2, "INSERT INTO t VALUES (1, '2026-01-02 03:04:05', 'a')"));
    await run(`USE ${database}; CREATE TABLE warned (id INT PRIMARY KEY)`);
    await run(`CREATE TRIGGER warn AFTER INSERT ON warned FOR EACH ROW SIGNAL SQLSTATE '01000'`);
    await run(apply(3, "INSERT INTO warned VALUES (1)"));
    expect(await recorded()).toEqual([1, 2, 3].map((version) => ({ version, statement: 1, state: "done" })));
    expect(await get().rows(`SELECT DATE_FORMAT(day, '%d') AS day FROM ${database}.t`)).toEqual([{ day: "02" }]);
    expect(await get().rows(`SELECT * FROM ${database}.warned`)).toHaveLength(1);
  });

  test("a server that keeps no warnings (max_error_count=0) changes nothing of that", async () => {
    await run(apply(1, "CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20))"));
    await run(`INSERT INTO ${database}.t VALUES (1, 'abcdefghij'); SET SESSION max_error_count = 0`);
    await expect(run(apply(2, "ALTER TABLE t MODIFY name VARCHAR(3)"))).rejects.toThrow();
    await run("SET SESSION max_error_count = DEFAULT");
    expect(await recorded()).toHaveLength(1);
  });

  test("runs each statement that the checker promises, and what it calls additive keeps a row", async () => {
    const examples: Record<string, string[]> = {
      "CREATE TABLE": ["CREATE TABLE u (id INT) COMMENT='x' STATS_PERSISTENT=1", "CREATE TABLE `số\u00a0ảnh` (id INT)"],
      "CREATE INDEX": [get().isMariaDb ? "CREATE INDEX i ON t (a)" : "CREATE INDEX i ON t (a) INVISIBLE"],
      "CREATE VIEW": ["CREATE OR REPLACE VIEW v AS SELECT * FROM t"],
      "ALTER TABLE": [
        "ALTER TABLE t ADD COLUMN (b BIT(1) NOT NULL DEFAULT b'0', c BINARY(1) DEFAULT x'41')",
        "ALTER TABLE t ADD d FLOAT DEFAULT -1.5e-3, ADD e VARCHAR(9) DEFAULT _utf8mb4'x', ENGINE=InnoDB",
        "ALTER TABLE t ADD COLUMN f INT NOT NULL DEFAULT 7 INVISIBLE",
      ],
      "RENAME TABLE": ["RENAME TABLE u TO w"],
      INSERT: [
        "INSERT INTO t SET a = 2",
        "INSERT t (a) (SELECT 3)",
        "INSERT INTO t (id) VALUES (1) ON DUPLICATE KEY UPDATE id = id",
      ],
      REPLACE: ["REPLACE INTO t (id) VALUES (9)"],
      UPDATE: ["UPDATE t SET a = 4 WHERE id = 9"],
      DELETE: ["DELETE FROM t WHERE id = 9"],
      "DROP INDEX": ["DROP INDEX i ON t"],
      "DROP VIEW": ["DROP VIEW v"],
      "TRUNCATE TABLE": ["TRUNCATE TABLE w"],
      "DROP TABLE": ["DROP TABLE w"],
    };
    expect(Object.keys(examples).sort()).toEqual([...SUPPORTED].sort());
    await run(apply(1, "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, a INT)"));
    await run(`INSERT INTO ${database}.t VALUES (1, 1)`);
    let version = 1;
    for (const sql of Object.values(examples).flat()) {
      const [statement] = splitStatements(sql, "test.sql");
      expect([sql, judgeStatement(statement?.tokens ?? []).kind]).not.toEqual([sql, "unsupported"]);
      await run(apply((version += 1), sql));
    }
    // The positional insert of an app that knows nothing of f.
    await run(`INSERT INTO ${database}.t VALUES (5, 5, b'1', x'42', 0, 'y')`);
    expect(await get().rows(`SELECT id, a, b + 0 AS b, e, f FROM ${database}.t ORDER BY id`)).toMatchObject([
      { id: 1, a: 1, b: 0, e: "x", f: 7 },
      { a: 2 },
      { a: 3 },
      { id: 5, a: 5, b: 1, e: "y", f: 7 },
    ]);
  });

  test("ALTER VIEW, which the checker refuses, is what MySQL cannot prepare", async () => {
    await run(apply(1, "CREATE VIEW v AS SELECT 1"));
    const altered = run(apply(2, "ALTER VIEW v AS SELECT 2"));
    if (get().isMariaDb) await altered;
    else await expect(altered).rejects.toMatchObject({ errno: 1295 });
  });

  test("the procedure of an earlier release is replaced, and keeps what the ledger holds", async () => {
    await run(apply(1, "CREATE TABLE t (id INT PRIMARY KEY)"));
    await run(`DROP PROCEDURE ${database}.schema_execute; DROP PROCEDURE ${database}.schema_apply;
      CREATE PROCEDURE ${database}.schema_apply(a INT, b INT, c INT, d INT, e TEXT, f TEXT, g TEXT) DO 0`);
    await run(ledger.createApplyProcedure(database));
    await run(apply(2, "INSERT INTO t VALUES (1)"));
    expect(await recorded()).toHaveLength(2);
    expect(await get().rows(`SELECT * FROM ${database}.t`)).toEqual([{ id: 1 }]);
  });

  test("a statement that breaks off in the middle of its rows leaves none of them", async () => {
    await run(apply(1, "CREATE TABLE t (id INT PRIMARY KEY)"));
    await expect(run(apply(2, "INSERT INTO t VALUES (1), (2), (1)"))).rejects.toMatchObject({ errno: 1062 });
    expect(await get().rows(`SELECT * FROM ${database}.t`)).toEqual([]);
    expect(await recorded()).toHaveLength(1);
  });

  test("invalid SQL is refused by the server, with its words", async () => {
    await expect(run(apply(1, "CREATE TABLE t (id INT PRIMARY KEY, FOO)"))).rejects.toMatchObject({ errno: 1064 });
    expect(await recorded()).toEqual([]);
  });

  test("a lossy change is refused and the data is intact, although the session has no strict mode", async () => {
    await run(apply(1, "CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20), number INT)"));
    await run(`INSERT INTO ${database}.t VALUES (1, 'abcdefghij', NULL)`);
    await run("SET SESSION sql_mode = ''");
    await expect(run(apply(2, "ALTER TABLE t MODIFY name VARCHAR(3)"))).rejects.toMatchObject({ errno: 1265 });
    await expect(run(apply(2, "ALTER TABLE t MODIFY number INT NOT NULL"))).rejects.toMatchObject({
      errno: expect.any(Number) as number,
    });
    expect(await get().rows(`SELECT * FROM ${database}.t`)).toEqual([{ id: 1, name: "abcdefghij", number: null }]);
  });

  test("control: the same change outside of the ledger cuts the data without an error", async () => {
    await run(`CREATE TABLE ${database}.t (name VARCHAR(20)); INSERT INTO ${database}.t VALUES ('abcdefghij')`);
    await run(`SET SESSION sql_mode = ''; ALTER TABLE ${database}.t MODIFY name VARCHAR(3)`);
    expect(await get().rows(`SELECT * FROM ${database}.t`)).toEqual([{ name: "abc" }]);
  });

  test("the newest statement is the name of a view, whatever is applied again", async () => {
    const markers = async () =>
      (await get().rows(`SHOW TABLES FROM ${database} LIKE 'schema_at_%'`)).flatMap(Object.values);
    await run(apply(1, "CREATE TABLE t (id INT PRIMARY KEY)"));
    expect(await markers()).toEqual(["schema_at_v0001_1"]);
    await run(apply(2, "CREATE TABLE u (id INT PRIMARY KEY)"));
    await run(apply(1, "CREATE TABLE t (id INT PRIMARY KEY)"));
    await run(apply(0, "INSERT INTO t VALUES (1)"));
    expect(await markers()).toEqual(["schema_at_v0002_1"]);
    await run(`DROP VIEW ${database}.schema_at_v0002_1`);
    await run(apply(2, "CREATE TABLE u (id INT PRIMARY KEY)"));
    expect(await markers()).toEqual(["schema_at_v0002_1"]);
  });

  test("refuses a statement whose predecessor the database lacks (restored to an earlier time)", async () => {
    await run(apply(1, "CREATE TABLE t (id INT PRIMARY KEY)"));
    await expect(run(apply(3, "CREATE TABLE u (id INT PRIMARY KEY)"))).rejects.toMatchObject({
      errno: 1644,
      message: "V0003.1: the one before it is missing: docs/runbook/instance-gone.md",
    });
  });

  test("a statement that began and never ended asks for a look; both answers of docs/schema let the next deploy go on", async () => {
    const table = "CREATE TABLE t (id INT PRIMARY KEY)";
    const begin = () =>
      run(`INSERT INTO ${database}.schema_migration
           VALUES (1, 1, 'test', SHA2('${table}', 256), 'running', UTC_TIMESTAMP(6), 'x')`);
    await begin();
    await expect(run(apply(1, table))).rejects.toMatchObject({
      errno: 1644,
      message: "V0001.1 began, its end is unknown: docs/runbook/half-applied-migration.md",
    });
    await run(`DELETE FROM ${database}.schema_migration WHERE version = 1 AND statement = 1 AND state = 'running'`);
    await run(apply(1, table));
    expect(await get().rows(`SHOW TABLES FROM ${database} LIKE 't'`)).toHaveLength(1);

    await run(`DELETE FROM ${database}.schema_migration`);
    await begin();
    await run(`UPDATE ${database}.schema_migration SET state = 'done' WHERE version = 1 AND statement = 1`);
    await run(apply(1, table));
    expect(await recorded()).toEqual([{ version: 1, statement: 1, state: "done" }]);
  });

  test("a killed connection leaves its statement as running, and its rows are rolled back", async () => {
    await run(apply(1, "CREATE TABLE t (id INT PRIMARY KEY)"));
    const victim = await connectAsProvider(get().root);
    victim.on("error", () => undefined);
    const [[{ id }]] = (await victim.query("SELECT CONNECTION_ID() AS id")) as unknown as [[{ id: number }]];
    const lost = expect(victim.query(apply(2, "INSERT INTO t SELECT 1 + SLEEP(30)"))).rejects.toThrow();
    await sleep(1000);
    await run(`KILL ${id}`);
    await lost;
    await expect(run(apply(2, "INSERT INTO t SELECT 1 + SLEEP(30)"))).rejects.toMatchObject({ errno: 1644 });
    expect(await get().rows(`SELECT * FROM ${database}.t`)).toEqual([]);
  });

  test("a deploy whose process dies: the server ends the statement, the next deploy waits for it and finds it done", async () => {
    await run(apply(1, "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, n INT)"));
    // Seconds of work that do not look at the connection, as an ALTER does not.
    const slow = apply(2, "INSERT INTO t (n) SELECT BENCHMARK(4000000, SHA2('x', 512))");
    const victim = await connectAsProvider(get().root);
    victim.query(slow).catch(() => undefined);
    await sleep(500);
    victim.destroy();
    expect(await recorded()).toContainEqual({ version: 2, statement: 1, state: "running" });
    await run(slow);
    expect(await recorded()).toContainEqual({ version: 2, statement: 1, state: "done" });
    expect(await get().rows(`SELECT COUNT(*) AS n FROM ${database}.t`)).toEqual([{ n: 1 }]);
  });

  test("of two deploys at once one waits, and nothing runs twice", async () => {
    await run(apply(1, "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, slept INT)"));
    const slow = apply(2, "INSERT INTO t (slept) SELECT SLEEP(2)");
    const other = await connectAsProvider(get().root);
    await Promise.all([run(slow), other.query(slow)]);
    await other.end();
    expect(await get().rows(`SELECT COUNT(*) AS n FROM ${database}.t`)).toEqual([{ n: 1 }]);
  });

  test("a deploy that waits too long fails with a sentence, and runs nothing", async () => {
    await makeLedger(database, { lockWaitSeconds: 1 });
    await run(apply(1, "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, slept INT)"));
    const other = await connectAsProvider(get().root);
    const slow = other.query(apply(2, "INSERT INTO t (slept) SELECT SLEEP(4)"));
    await sleep(500);
    await expect(run(apply(2, "INSERT INTO t (slept) SELECT SLEEP(4)"))).rejects.toMatchObject({
      message: "V0002.1: another deploy holds the schema since 1 s: try again when it has ended",
    });
    await slow;
    await other.end();
    expect(await get().rows(`SELECT COUNT(*) AS n FROM ${database}.t`)).toEqual([{ n: 1 }]);
  });

  test("version 0 runs again when its text changes, and only then", async () => {
    await run(apply(1, "CREATE TABLE t (id INT PRIMARY KEY)"));
    await run(apply(0, "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE id = id"));
    await run(`DELETE FROM ${database}.t`);
    await run(apply(0, "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE id = id"));
    expect(await get().rows(`SELECT * FROM ${database}.t`)).toEqual([]);
    await run(apply(0, "INSERT INTO t VALUES (2) ON DUPLICATE KEY UPDATE id = id"));
    expect(await get().rows(`SELECT * FROM ${database}.t`)).toEqual([{ id: 2 }]);
    const ledgerRows = () => get().rows(`SELECT * FROM ${database}.schema_migration`);
    const before = await ledgerRows();
    await expect(run(apply(0, "INSERT INTO t VALUES (3), (2)"))).rejects.toMatchObject({ errno: 1062 });
    expect(await ledgerRows()).toEqual(before);
  });

  test("text arrives as it was written: ${, %{, quotes, backslashes, lines, non-ASCII, 60 KB", async () => {
    const text = `\${a} %{b} $\${c} it''s "d" \\\\ \\n\n\tfracture – ung thư 肺 🫁 ${"x".repeat(60_000)}`;
    await run(apply(1, "CREATE TABLE t (id INT PRIMARY KEY, note MEDIUMTEXT) DEFAULT CHARSET = utf8mb4"));
    await run(apply(2, `INSERT INTO t VALUES (1, '${text}')`));
    const [row] = await get().rows(`SELECT note FROM ${database}.t`);
    expect(row?.["note"]).toBe(text.replaceAll("''", "'").replaceAll("\\n", "\n").replaceAll("\\\\", "\\"));
  });

  test("a protected database is not dropped, one that is not is", async () => {
    await run(ledger.createGuard(database, true));
    await expect(run(ledger.refuseWhereProtected(database))).rejects.toMatchObject({ errno: 1644 });
    await expect(run(ledger.dropDatabase(database))).rejects.toMatchObject({
      errno: 1644,
      message: `${database} is protected: its schema and data are not deleted`,
    });
    expect(await get().rows(`SHOW DATABASES LIKE '${database}'`)).toHaveLength(1);
    await run(ledger.createGuard(database, false));
    await run(ledger.refuseWhereProtected(database));
    await run(ledger.dropDatabase(database));
    expect(await get().rows(`SHOW DATABASES LIKE '${database}'`)).toHaveLength(0);
  });
});
