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
    "ALTER VIEW v AS SELECT 1",
    // tables that are not what they seem
    "CREATE TABLE IF NOT EXISTS t (id INT)",
    "CREATE OR REPLACE TABLE t (id INT)",
    "CREATE TABLE t (id INT) ENGINE = MEMORY",
    "CREATE TABLE t (id INT) ENGINE = BLACKHOLE",
    "CREATE TABLE t (id INT) REPLACE SELECT * FROM u",
    "CREATE TABLE t (id INT) DATA DIRECTORY = '/x'",
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
