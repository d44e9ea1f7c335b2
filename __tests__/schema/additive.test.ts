import { readFileSync } from "node:fs";
import path from "node:path";
import { POSITIONAL_TABLES } from "../../src/schema/contract";
import { judgeStatement } from "../../src/schema/additive";
import { splitStatements } from "../../src/schema/statement";

const judge = (text: string) => {
  const [statement] = splitStatements(text, "x.sql");
  if (statement === undefined) throw new Error("no statement");
  return judgeStatement(statement.tokens);
};

describe("additive", () => {
  test.each([
    "CREATE TABLE t (id INT PRIMARY KEY)",
    "create table `t` (id int not null auto_increment, primary key (id)) engine=innodb default charset=utf8mb4 collate utf8mb4_bin comment='x'",
    "CREATE TABLE t (a DATETIME DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP)",
    "CREATE TABLE t (a INT, CONSTRAINT f FOREIGN KEY (a) REFERENCES p (id) ON DELETE RESTRICT ON UPDATE NO ACTION)",
    "CREATE INDEX i ON t (a)",
    "CREATE UNIQUE INDEX i ON t (a, b DESC) USING BTREE COMMENT 'x' ALGORITHM = INPLACE LOCK=NONE",
    "CREATE FULLTEXT INDEX i ON t (a)",
    "CREATE VIEW v AS SELECT * FROM t",
    "CREATE OR REPLACE VIEW v (a, b) AS SELECT 1, 2",
    "CREATE ALGORITHM = MERGE SQL SECURITY INVOKER VIEW v AS SELECT 1",
    "ALTER TABLE t ADD COLUMN a INT",
    "ALTER TABLE t ADD a VARCHAR(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT 'it''s' COMMENT 'x' AFTER b",
    "ALTER TABLE t ADD COLUMN a DECIMAL(4, 3) UNSIGNED NULL DEFAULT -0.5 FIRST, ADD COLUMN b JSON",
    "ALTER TABLE t ADD COLUMN a INT GENERATED ALWAYS AS (b + 1) STORED INVISIBLE",
    "ALTER TABLE t ADD COLUMN a ENUM('x', 'y') DEFAULT ('x'), ALGORITHM = INSTANT",
    "ALTER TABLE t ADD COLUMN a TIMESTAMP(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)",
    "ALTER TABLE t ADD INDEX (a), ADD KEY k (a), ADD UNIQUE (a), ADD UNIQUE KEY u USING HASH (a), ADD FULLTEXT f (a)",
    "ALTER TABLE t ADD PRIMARY KEY (id)",
    "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)",
    "ALTER TABLE t ADD CONSTRAINT FOREIGN KEY (a) REFERENCES p (id)",
    "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY f (a) REFERENCES p (id) ON DELETE RESTRICT",
    "ALTER TABLE t ALTER COLUMN a SET DEFAULT 5, ALTER b DROP DEFAULT",
    "ALTER TABLE t RENAME INDEX a TO b",
    "ALTER TABLE t COMMENT = 'x', AUTO_INCREMENT = 100",
    "INSERT INTO t VALUES (1, 'a'), (2, ')')",
    "INSERT INTO t (a, b) SELECT a, b FROM u WHERE a > 1",
    "INSERT INTO t (id) VALUES (1) ON DUPLICATE KEY UPDATE id = id",
    // literals that are more than one token
    "ALTER TABLE t ADD COLUMN a BIT(1) NOT NULL DEFAULT b'0'",
    "ALTER TABLE t ADD COLUMN a BINARY(1) DEFAULT x'41', ADD b BINARY(1) DEFAULT 0x41, ADD c CHAR(1) DEFAULT N'x'",
    "ALTER TABLE t ADD COLUMN a VARCHAR(9) DEFAULT _utf8mb4'x', ADD b VARCHAR(9) DEFAULT 'a' 'b', ADD c FLOAT DEFAULT .5",
    "ALTER TABLE t ADD COLUMN a FLOAT DEFAULT -1.5e-3, ADD b FLOAT DEFAULT 1e+3, ADD c FLOAT DEFAULT 2E3",
    "ALTER TABLE t ADD COLUMN a DATE DEFAULT DATE '2026-01-02', ADD b DATETIME DEFAULT TIMESTAMP'2026-01-02 03:04:05'",
    "ALTER TABLE t ALTER a SET DEFAULT b'1'",
    // columns
    "ALTER TABLE t ADD COLUMN (a INT, b VARCHAR(3) NOT NULL DEFAULT '')",
    "ALTER TABLE t ADD (a INT)",
    "ALTER TABLE t ADD a INT REFERENCES p (id) ON DELETE RESTRICT",
    "ALTER TABLE t ADD a INT CONSTRAINT c CHECK (a > 0) NOT ENFORCED",
    "ALTER TABLE t ADD a CHARACTER VARYING(3), ADD b REAL, ADD c GEOMETRYCOLLECTION, ADD d POINT SRID 4326 NULL",
    "ALTER TABLE t ADD a LONG VARCHAR, ADD b CHAR(3) BYTE, ADD c GEOMCOLLECTION",
    "ALTER TABLE t ALTER a SET INVISIBLE, ALTER COLUMN b SET VISIBLE",
    // indexes
    "CREATE INDEX i ON t (a) INVISIBLE",
    "CREATE INDEX i USING BTREE ON t (a) VISIBLE COMMENT 'x' KEY_BLOCK_SIZE = 8",
    "CREATE FULLTEXT INDEX i ON t (a) WITH PARSER ngram",
    "ALTER TABLE t ADD INDEX i (a) INVISIBLE, ADD UNIQUE u (b) COMMENT 'x' INVISIBLE, ADD KEY k ((a + 1))",
    "ALTER TABLE t ADD INDEX i (a) IGNORED",
    "ALTER TABLE t ALTER INDEX i VISIBLE, ALTER INDEX j INVISIBLE",
    "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT ENFORCED",
    // tables
    "CREATE TABLE t (id INT) ENGINE=InnoDB STATS_PERSISTENT=1, KEY_BLOCK_SIZE = 8 COMPRESSION='zlib' ENCRYPTION 'Y'",
    "ALTER TABLE t ENGINE=InnoDB, ROW_FORMAT=DYNAMIC STATS_PERSISTENT=1, FORCE",
    "CREATE TABLE t (id INT) ENGINE=InnoDB PARTITION BY LINEAR KEY ALGORITHM=2 (id) PARTITIONS 4",
    "CREATE TABLE t (id INT) PARTITION BY RANGE COLUMNS (id) SUBPARTITION BY HASH (id) SUBPARTITIONS 2 (PARTITION p VALUES LESS THAN MAXVALUE)",
    // rows
    "INSERT INTO t SET a = 1, b = 'x'",
    "INSERT t SET a = 1 ON DUPLICATE KEY UPDATE a = a",
    "INSERT t VALUES (1)",
    "INSERT HIGH_PRIORITY INTO t (a) VALUES ROW(1), ROW(2)",
    "INSERT INTO t () VALUES ()",
    "INSERT INTO t (a) (SELECT a FROM u)",
    "INSERT INTO t (SELECT a FROM u) ON DUPLICATE KEY UPDATE id = id",
    "INSERT INTO t TABLE u",
    "INSERT INTO t (a) WITH c AS (SELECT 1) SELECT * FROM c",
    "INSERT INTO t PARTITION (p0, p1) (a) VALUES (1)",
    "INSERT INTO t (id) SELECT id FROM u ON DUPLICATE KEY UPDATE t.id = t.id",
    // names of any language
    "CREATE TABLE bệnh_nhân (số INT, `ngày chụp` DATE, 肺 INT, снимок INT, dose_µg INT)",
  ])("%s", (text) => {
    expect(judge(text)).toEqual({ kind: "additive" });
  });
});

describe("destructive, or not known to be additive", () => {
  test.each([
    // Skeema's unsafe changes
    "DROP TABLE t",
    "ALTER TABLE t DROP COLUMN a",
    "ALTER TABLE t DROP a",
    "ALTER TABLE t RENAME COLUMN a TO b",
    "ALTER TABLE t CHANGE a b INT",
    "ALTER TABLE t MODIFY a TINYINT",
    "ALTER TABLE t MODIFY COLUMN a VARCHAR(3)",
    "ALTER TABLE t CONVERT TO CHARACTER SET latin1",
    "ALTER TABLE t DEFAULT CHARACTER SET latin1",
    "ALTER TABLE t ENGINE = MyISAM",
    "ALTER TABLE t DROP PARTITION p",
    "ALTER TABLE t REMOVE PARTITIONING",
    "ALTER TABLE t PARTITION BY HASH (id) PARTITIONS 4",
    "ALTER TABLE t TRUNCATE PARTITION p",
    "ALTER TABLE t EXCHANGE PARTITION p WITH TABLE u",
    // hidden behind something additive
    "ALTER TABLE t ADD COLUMN a INT, DROP COLUMN b",
    "ALTER TABLE t ADD INDEX (a), RENAME TO u",
    "ALTER TABLE t ADD COLUMN a INT REMOVE PARTITIONING",
    "ALTER TABLE t ADD COLUMN a INT ENGINE = MEMORY",
    "ALTER TABLE t COMMENT = 'x' ENGINE = MEMORY",
    "ALTER TABLE t ALTER a SET DEFAULT 1 DROP b",
    "ALTER TABLE t ADD PARTITION (PARTITION p VALUES LESS THAN (9))",
    "ALTER TABLE t ADD COLUMN IF NOT EXISTS a INT",
    "ALTER IGNORE TABLE t ADD UNIQUE (a)",
    // rows that vanish by themselves
    "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p (id) ON DELETE CASCADE",
    "CREATE TABLE t (a INT, FOREIGN KEY (a) REFERENCES p (id) ON DELETE SET NULL)",
    "CREATE TABLE t (a INT, FOREIGN KEY (a) REFERENCES p (id) ON UPDATE CASCADE)",
    // guards that go
    "ALTER TABLE t DROP FOREIGN KEY f",
    "ALTER TABLE t DROP CONSTRAINT c",
    "ALTER TABLE t DROP INDEX i",
    "ALTER TABLE t DROP PRIMARY KEY",
    "ALTER TABLE t DISABLE KEYS",
    "ALTER TABLE t DISCARD TABLESPACE",
    "DROP INDEX i ON t",
    "DROP VIEW v",
    "CREATE VIEW IF NOT EXISTS v AS SELECT 1",
    // tables that are not what they seem
    "CREATE TABLE IF NOT EXISTS t (id INT)",
    "CREATE OR REPLACE TABLE t (id INT)",
    "CREATE TABLE t (id INT) ENGINE = MEMORY",
    "CREATE TABLE t (id INT) ENGINE = BLACKHOLE",
    "CREATE TABLE t (id INT) REPLACE SELECT * FROM u",
    "CREATE TABLE t (id INT) DATA DIRECTORY = '/x'",
    "CREATE TABLE t (id INT) PARTITION BY HASH (id) (PARTITION p ENGINE = MyISAM)",
    "CREATE TABLE t (id INT) PARTITION BY HASH (id) SELECT * FROM u",
    "CREATE TABLE t LIKE u",
    "CREATE TABLE t SELECT * FROM u",
    "RENAME TABLE t TO u",
    "ALTER TABLE t RENAME u",
    "TRUNCATE t",
    "TRUNCATE TABLE t",
    // rows
    "DELETE FROM t",
    "UPDATE t SET a = 1",
    "REPLACE INTO t VALUES (1)",
    "INSERT IGNORE INTO t VALUES (1)",
    "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = 2",
    "INSERT INTO t (a) SELECT b FROM u ON DUPLICATE KEY UPDATE a = VALUES(a)",
    "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = a, b = 2",
    "INSERT INTO t SET a = 1 ON DUPLICATE KEY UPDATE a = 2",
    "INSERT LOW_PRIORITY IGNORE INTO t VALUES (1)",
    "INSERT INTO t (id) SELECT id FROM u ON DUPLICATE KEY UPDATE id = u.id",
    "ALTER TABLE t ADD COLUMN (a INT, b INT), DROP COLUMN c",
    "ALTER TABLE t ADD COLUMN a INT REFERENCES p (id) ON DELETE CASCADE",
    "ALTER TABLE t ADD COLUMN a FLOAT DEFAULT 1e",
    "ALTER TABLE t ALTER CHECK c NOT ENFORCED",
    "ALTER TABLE t STATS_PERSISTENT=1 ENGINE=MEMORY",
    // another database
    "CREATE TABLE mydb.t (id INT)",
    "ALTER TABLE mydb.t ADD COLUMN a INT",
    "INSERT INTO `mydb`.`t` VALUES (1)",
    "CREATE INDEX i ON mydb.t (a)",
    "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES mydb.p (id)",
  ])("%s", (text) => {
    expect(judge(text).kind).toBe("destructive");
  });
});

describe("the web app inserts by position", () => {
  test.each([
    "ALTER TABLE image ADD COLUMN a INT",
    "ALTER TABLE `image` ADD a INT NULL DEFAULT 1",
    "ALTER TABLE Image ADD (a INT INVISIBLE, b INT)",
    "ALTER TABLE transaction ADD COLUMN a INT VISIBLE",
    "ALTER TABLE pred_bounding_box ADD INDEX i (a), ADD COLUMN b INT FIRST",
    "ALTER TABLE image ADD COLUMN `invisible` INT",
    "ALTER TABLE image ADD COLUMN a VARCHAR(9) COMMENT 'INVISIBLE'",
    "ALTER TABLE image ALTER COLUMN a SET VISIBLE",
    "ALTER TABLE image ALTER COLUMN folder SET INVISIBLE",
    "ALTER TABLE image ADD COLUMN a INT INVISIBLE VISIBLE",
    // invisible, and an insert that does not name it fails all the same
    "ALTER TABLE image ADD COLUMN a INT NOT NULL INVISIBLE",
    "ALTER TABLE image ALTER a DROP DEFAULT",
  ])("%s", (text) => {
    expect(judge(text)).toEqual({
      kind: "destructive",
      reason: expect.stringContaining("the web app inserts by position and would fail") as string,
    });
  });

  test.each([
    "ALTER TABLE image ADD COLUMN a INT INVISIBLE",
    "ALTER TABLE image ADD COLUMN a INT NOT NULL DEFAULT 0 INVISIBLE AFTER bucket",
    "ALTER TABLE image ADD (a INT NULL INVISIBLE, b INT GENERATED ALWAYS AS (image_id) VIRTUAL NOT NULL INVISIBLE)",
    "ALTER TABLE image ADD INDEX i (folder), ADD CONSTRAINT c CHECK (image_id > 0)",
    "ALTER TABLE image ALTER folder SET DEFAULT 'x'",
    "ALTER TABLE image_note ADD COLUMN a INT",
  ])("%s is fine", (text) => {
    expect(judge(text)).toEqual({ kind: "additive" });
  });

  test("into the tables of the data model", () => {
    const file = path.join(__dirname, "..", "..", "glue", "xray_backup", "data_model.json");
    const { tables } = JSON.parse(readFileSync(file, "utf8")) as { tables: { name: string }[] };
    expect([...POSITIONAL_TABLES].sort()).toEqual(tables.map(({ name }) => name).sort());
  });
});

describe("a character that reads as another", () => {
  test.each([
    ["a no-break space before a type", "ALTER TABLE t ADD COLUMN a\u00a0INT", "U+00A0"],
    ["a no-break space after a keyword", "ALTER\u00a0TABLE t ADD COLUMN a INT", "U+00A0"],
    ["a no-break space in backquotes", "ALTER TABLE t ADD COLUMN `a\u00a0b` INT", "U+00A0"],
    ["a narrow no-break space", "CREATE TABLE a\u202f(id INT)", "U+202F"],
    ["an ideographic space", "CREATE TABLE\u3000a (id INT)", "U+3000"],
    ["a zero-width space", "CREATE TABLE a\u200b (id INT)", "U+200B"],
    ["a byte order mark in the middle", "CREATE TABLE a (\ufeffid INT)", "U+FEFF"],
    ["a soft hyphen", "CREATE TABLE `a\u00adb` (id INT)", "U+00AD"],
    ["a filler that counts as a letter", "CREATE TABLE a\u3164 (id INT)", "U+3164"],
    ["curly quotes", "ALTER TABLE t ADD a VARCHAR(9) DEFAULT \u2018x\u2019", "U+2018"],
    ["a full-width parenthesis", "CREATE TABLE t\uff08id INT\uff09", "U+FF08"],
    ["a full-width semicolon", "CREATE TABLE t (id INT)\uff1b", "U+FF1B"],
    ["an en dash", "INSERT INTO t VALUES (\u20131)", "U+2013"],
  ])("%s", (_, text, character) => {
    expect(judge(text)).toEqual({
      kind: "destructive",
      reason: expect.stringContaining(`holds the character ${character}, which the server takes for`) as string,
    });
  });

  test.each([
    ["a Cyrillic letter", "ALTER TABLE im\u0430ge ADD COLUMN a INT", "U+0430, which reads as a Latin letter"],
    [
      "a Greek letter in backquotes",
      "ALTER TABLE t ADD COLUMN `time\u03bf` INT",
      "U+03BF, which reads as a Latin letter",
    ],
    ["a letter and its accent", "ALTER TABLE t ADD COLUMN gro\u0308sse INT", "is not in Unicode's form NFC"],
  ])("%s", (_, text, reason) => {
    expect(judge(text)).toEqual({ kind: "destructive", reason: expect.stringContaining(reason) as string });
  });

  test("in a text it is data, in a comment nobody's", () => {
    expect(judge("INSERT INTO t VALUES ('a\u00a0b\u200b') -- \u00a0").kind).toBe("additive");
  });
});

test("ALTER VIEW is told what the server can prepare", () => {
  expect(judge("ALTER ALGORITHM = MERGE VIEW v AS SELECT 1").kind).toBe("unsupported");
  expect(judge("ALTER VIEW v AS SELECT 1")).toEqual({
    kind: "unsupported",
    reason: "ALTER VIEW v AS SELECT 1 cannot be prepared by MySQL: write CREATE OR REPLACE VIEW",
  });
});

describe("unsupported in a migration", () => {
  test.each([
    "USE x_ray",
    "SET FOREIGN_KEY_CHECKS = 0",
    "SET SESSION sql_mode = ''",
    "DROP DATABASE x_ray",
    "DROP SCHEMA x_ray",
    "CREATE DATABASE y",
    "ALTER DATABASE x_ray CHARACTER SET latin1",
    "CREATE USER u",
    "GRANT ALL ON *.* TO u",
    "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET NEW.b = 1",
    "CREATE PROCEDURE p() DELETE FROM t",
    "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM t",
    "CREATE TEMPORARY TABLE t (id INT)",
    "CREATE DEFINER = root@localhost VIEW v AS SELECT 1",
    "LOCK TABLES t WRITE",
    "START TRANSACTION",
    "COMMIT",
    "CALL p()",
    "LOAD DATA INFILE 'x' INTO TABLE t",
    "DO SLEEP(1)",
    "SELECT 1",
    "WITH a AS (SELECT 1) DELETE FROM t",
    "ANALYZE TABLE t",
    "FOO",
    "(SELECT 1)",
  ])("%s", (text) => {
    expect(judge(text).kind).toBe("unsupported");
  });
});
