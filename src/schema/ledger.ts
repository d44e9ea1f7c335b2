import { documentationPage } from "./documentation";
import type { Migration } from "./migration";
import type { Statement } from "./statement";

/**
 * Modes under which the server refuses a value that does not fit, instead of cutting it. Terraform's
 * MySQL provider turns all of it off (`sql_mode = ''`) on each connection. MySQL and MariaDB know all of these.
 */
export const STRICT_SQL_MODE = [
  "STRICT_TRANS_TABLES",
  "STRICT_ALL_TABLES",
  "ONLY_FULL_GROUP_BY",
  "NO_ZERO_IN_DATE",
  "NO_ZERO_DATE",
  "ERROR_FOR_DIVISION_BY_ZERO",
  "NO_ENGINE_SUBSTITUTION",
].join(",");

/** Name of the ledger's table; the backup job knows it from its contract. */
export const LEDGER_TABLE = "schema_migration";

/** Seconds that a deploy waits for another one to finish its statement. */
const LOCK_WAIT_SECONDS = 120;

/** Character set and collation of every text in the ledger. */
export const TEXT = "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";

/** A quoted name: `` `x_ray` ``. */
export function quoteName(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}

/** A string literal for a session without ANSI_QUOTES and NO_BACKSLASH_ESCAPES, as STRICT_SQL_MODE makes it. */
export function quoteString(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}

/** Statements of one multi-statement query, run under strict mode. */
export function strictly(...statements: string[]): string {
  return [`SET SESSION sql_mode = '${STRICT_SQL_MODE}'`, ...statements].join(";\n");
}

/** Makes the database; one that is there stays as it is. */
export function createDatabase(database: string): string {
  return strictly(`CREATE DATABASE IF NOT EXISTS ${quoteName(database)} ${TEXT}`);
}

/**
 * Makes `schema_guard()`, which each deletion calls first: it refuses where the database is protected. The answer is kept
 * in the database, not in Terraform's state, so that a change of it replaces nothing else.
 */
export function createGuard(database: string, isProtected: boolean): string {
  const message = `${database} is protected: its schema and data are not deleted`;
  const body = isProtected ? `SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = ${quoteString(message)}` : "DO 0";
  return strictly(
    `DROP PROCEDURE IF EXISTS ${quoteName(database)}.schema_guard`,
    `CREATE PROCEDURE ${quoteName(database)}.schema_guard()\nSQL SECURITY INVOKER\n${body}`,
  );
}

/** Deletes nothing, and refuses where the database is protected. */
export function refuseWhereProtected(database: string): string {
  return `CALL ${quoteName(database)}.schema_guard()`;
}

/** Deletes the database with all that is in it, where it is not protected. */
export function dropDatabase(database: string): string {
  return `${refuseWhereProtected(database)};\nDROP DATABASE ${quoteName(database)}`;
}

/**
 * Makes the ledger: one row for each statement that was applied, or began to be.
 *
 * `running` is left only by a connection that was lost, or a statement that was killed: nobody can tell from here whether
 * the server had carried it out.
 */
export function createLedgerTable(database: string): string {
  return strictly(`CREATE TABLE IF NOT EXISTS ${quoteName(database)}.${LEDGER_TABLE} (
  version INT NOT NULL COMMENT '0: may run again when its text changes',
  statement INT NOT NULL,
  name VARCHAR(100) NOT NULL,
  sha256 CHAR(64) NOT NULL,
  state ENUM('running', 'done') NOT NULL,
  applied_at DATETIME(6) NOT NULL COMMENT 'UTC',
  applied_by VARCHAR(300) NOT NULL,
  PRIMARY KEY (version, statement)
) ENGINE = InnoDB DEFAULT ${TEXT}`);
}

/**
 * Makes `schema_apply(…)`, which runs a statement once in the life of the database.
 *
 * It takes a lock, so that two deploys do not run the same statement; does nothing where the ledger has the statement;
 * refuses one whose text changed, one that follows a statement the ledger lacks, and one that began and never ended. A
 * statement that the server refuses leaves the ledger as it was, so that the next deploy tries it again. It keeps the
 * strict mode that it is made under, and unqualified names mean its own database.
 *
 * Errors of the classes 01 and 02 pass the handler for SQLEXCEPTION: 1265 of an ALTER that would cut a value is 01000,
 * as a warning of a statement that was carried out may be. No handler can tell the two apart. So the statement runs in
 * `schema_execute(…)`, which comes to its end after a warning and not after an error.
 *
 * Of all that the database holds, Terraform's provider can read the names of tables and views at plan time: so the newest
 * applied statement is also the name of a view, {@link markerOf}.
 *
 * @param lockWaitSeconds seconds to wait for another deploy
 */
export function createApplyProcedure(database: string, lockWaitSeconds = LOCK_WAIT_SECONDS): string {
  // A message has 128 characters: its words are few, so that an address fits.
  const pageOf = (name: "half-applied-migration" | "instance-gone") =>
    quoteString(documentationPage(`runbook/${name}`));
  return strictly(
    `DROP PROCEDURE IF EXISTS ${quoteName(database)}.schema_execute`,
    `CREATE PROCEDURE ${quoteName(database)}.schema_execute(OUT p_executed BOOLEAN)
SQL SECURITY INVOKER
BEGIN
  EXECUTE schema_statement;
  SET p_executed = TRUE;
END`,
    `DROP PROCEDURE IF EXISTS ${quoteName(database)}.schema_apply`,
    `CREATE PROCEDURE ${quoteName(database)}.schema_apply(
  p_version INT,
  p_statement INT,
  p_previous_version INT,
  p_previous_statement INT,
  p_name VARCHAR(100) ${TEXT},
  p_sha256 CHAR(64) ${TEXT},
  p_sql LONGTEXT ${TEXT}
)
SQL SECURITY INVOKER
BEGIN
  DECLARE v_label VARCHAR(30) ${TEXT} DEFAULT CONCAT('V', LPAD(p_version, 4, '0'), '.', p_statement);
  DECLARE v_marker VARCHAR(64) ${TEXT} DEFAULT CONCAT('schema_at_v', LPAD(p_version, 4, '0'), '_', p_statement);
  DECLARE v_old_marker VARCHAR(64) ${TEXT}
    DEFAULT CONCAT('schema_at_v', LPAD(p_previous_version, 4, '0'), '_', p_previous_statement);
  DECLARE v_lock VARCHAR(64) ${TEXT} DEFAULT CONCAT('schema:', SHA2(DATABASE(), 224));
  DECLARE v_sha256 CHAR(64) ${TEXT};
  DECLARE v_state VARCHAR(10) ${TEXT};
  DECLARE v_message VARCHAR(128) ${TEXT};
  DECLARE v_text TEXT ${TEXT};
  DECLARE v_errno INT;
  DECLARE v_began BOOLEAN DEFAULT FALSE;
  DECLARE v_executed BOOLEAN DEFAULT FALSE;
  DECLARE EXIT HANDLER FOR SQLEXCEPTION
  BEGIN
    ROLLBACK;
    IF v_began AND v_sha256 IS NULL THEN
      DELETE FROM schema_migration WHERE version = p_version AND statement = p_statement AND state = 'running';
    ELSEIF v_began THEN
      UPDATE schema_migration SET sha256 = v_sha256, state = 'done'
      WHERE version = p_version AND statement = p_statement AND state = 'running';
    END IF;
    SET @schema_sql = NULL;
    DO RELEASE_LOCK(v_lock);
    RESIGNAL;
  END;

  IF COALESCE(GET_LOCK(v_lock, ${lockWaitSeconds}), 0) = 0 THEN
    SET v_message = CONCAT(v_label, ': another deploy holds the schema since ${lockWaitSeconds} s: try again when it has ended');
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = v_message;
  END IF;

  SELECT MAX(sha256), MAX(state) INTO v_sha256, v_state
  FROM schema_migration WHERE version = p_version AND statement = p_statement;
  IF v_state = 'running' THEN
    SET v_message = LEFT(CONCAT(v_label, ' began, its end is unknown: ', ${pageOf("half-applied-migration")}), 128);
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = v_message;
  END IF;
  IF v_sha256 <> p_sha256 AND p_version > 0 THEN
    SET v_message = CONCAT(v_label, ' was applied with another text: take the edit back, write a new migration');
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = v_message;
  END IF;
  IF p_previous_version > 0 AND NOT EXISTS (
    SELECT * FROM schema_migration
    WHERE version = p_previous_version AND statement = p_previous_statement AND state = 'done'
  ) THEN
    SET v_message = LEFT(CONCAT(v_label, ': the one before it is missing: ', ${pageOf("instance-gone")}), 128);
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = v_message;
  END IF;

  IF v_sha256 IS NULL OR v_sha256 <> p_sha256 THEN
    INSERT INTO schema_migration (version, statement, name, sha256, state, applied_at, applied_by)
    VALUES (p_version, p_statement, p_name, p_sha256, 'running', UTC_TIMESTAMP(6), USER())
    ON DUPLICATE KEY UPDATE sha256 = p_sha256, state = 'running';
    SET v_began = TRUE;
    SET @schema_sql = p_sql;
    PREPARE schema_statement FROM @schema_sql;
    START TRANSACTION;
    BEGIN
      DECLARE CONTINUE HANDLER FOR SQLWARNING, NOT FOUND
      BEGIN
        GET DIAGNOSTICS CONDITION 1 v_errno = MYSQL_ERRNO, v_text = MESSAGE_TEXT;
        IF NOT COALESCE(v_executed, FALSE) THEN
          SET v_message = LEFT(v_text, 128);
          SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = v_errno, MESSAGE_TEXT = v_message;
        END IF;
      END;
      CALL schema_execute(v_executed);
    END;
    UPDATE schema_migration
    SET name = p_name, state = 'done', applied_at = UTC_TIMESTAMP(6), applied_by = USER()
    WHERE version = p_version AND statement = p_statement;
    COMMIT;
    SET v_began = FALSE;
    DEALLOCATE PREPARE schema_statement;
  END IF;

  IF p_version > 0 AND NOT EXISTS (
    SELECT * FROM schema_migration
    WHERE version > p_version OR (version = p_version AND statement > p_statement)
  ) THEN
    SET @schema_sql = CONCAT(
      'CREATE OR REPLACE SQL SECURITY INVOKER VIEW ', v_marker, ' AS SELECT MAX(version) AS version FROM schema_migration'
    );
    PREPARE schema_statement FROM @schema_sql;
    EXECUTE schema_statement;
    SET @schema_sql = CONCAT('DROP VIEW IF EXISTS ', v_old_marker);
    PREPARE schema_statement FROM @schema_sql;
    EXECUTE schema_statement;
    DEALLOCATE PREPARE schema_statement;
  END IF;
  SET @schema_sql = NULL;
  DO RELEASE_LOCK(v_lock);
END`,
  );
}

/** A statement's place in the history; `version` 0 is for statements that may run again when their text changes. */
export interface StatementPosition {
  /** Version of the migration, or 0. */
  readonly version: number;
  /** Number of the statement in it, from 1. */
  readonly statement: number;
}

/** Name of the view that stands in the database while this statement is the newest that was applied. */
export function markerOf(position: StatementPosition): string {
  return `schema_at_v${String(position.version).padStart(4, "0")}_${position.statement}`;
}

/**
 * Runs a statement through the ledger.
 *
 * @param name name of the migration
 * @param previous the statement that must have been applied before, if there is one
 */
export function applyStatement(
  database: string,
  position: StatementPosition,
  name: string,
  statement: Statement,
  previous?: StatementPosition,
): string {
  const parameters = [
    position.version,
    position.statement,
    previous?.version ?? 0,
    previous?.statement ?? 0,
    quoteString(name),
    quoteString(statement.sha256),
    quoteString(statement.sql),
  ];
  return strictly(`CALL ${quoteName(database)}.schema_apply(${parameters.join(", ")})`);
}

/** Every statement of the migrations with its place, in the order in which they are applied. */
export function placeStatements(
  migrations: readonly Migration[],
): { migration: Migration; position: StatementPosition; statement: Statement }[] {
  return migrations.flatMap((migration) =>
    migration.statements.map((statement, index) => ({
      migration,
      position: { version: migration.version, statement: index + 1 },
      statement,
    })),
  );
}
