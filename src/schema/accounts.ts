import { TEXT, quoteName, quoteString, strictly } from "./ledger";

/** A user of the server, as MySQL tells users apart. */
export interface Account {
  /** The user's name. */
  readonly user: string;
  /** The hosts that it may come from, as MySQL keeps them. */
  readonly host: string;
}

/**
 * Makes the record of the accounts that this schema made, and `schema_claim(…)`, which is asked before an account is
 * dropped and made anew. It refuses the user that the deploy is connected as, whatever its host, and an account that is
 * there and not in the record.
 *
 * A database of release 0.1.0, and one that a restore made, has a ledger and no record: its accounts are those with rights
 * on its tables and on no other database. The record is filled with them as it is made, once: a table that is there stays as it is.
 */
export function createAccountRecord(database: string): string {
  const name = quoteName(database);
  const elsewhere = (table: string): string =>
    `NOT EXISTS (SELECT * FROM mysql.${table} AS other WHERE other.User = own.User AND other.Host = own.Host ` +
    `AND other.Db <> ${quoteString(database)})`;
  return strictly(
    `CREATE TABLE IF NOT EXISTS ${name}.schema_account (
  user VARCHAR(32) ${TEXT} NOT NULL,
  host VARCHAR(255) ${TEXT} NOT NULL,
  PRIMARY KEY (user, host)
) ENGINE = InnoDB DEFAULT ${TEXT}
SELECT DISTINCT own.User AS user, own.Host AS host
FROM mysql.tables_priv AS own
WHERE own.Db = ${quoteString(database)}
  AND EXISTS (SELECT * FROM ${name}.schema_migration WHERE state = 'done')
  AND ${elsewhere("tables_priv")}
  AND ${elsewhere("db")}`,
    `DROP PROCEDURE IF EXISTS ${name}.schema_claim`,
    `CREATE PROCEDURE ${name}.schema_claim(p_user VARCHAR(32) ${TEXT}, p_host VARCHAR(255) ${TEXT}, p_take_over BOOLEAN)
SQL SECURITY INVOKER
BEGIN
  DECLARE v_message VARCHAR(128) ${TEXT};
  IF p_user IN (SUBSTRING_INDEX(CURRENT_USER(), '@', 1), SUBSTRING_INDEX(USER(), '@', 1)) THEN
    SET v_message = CONCAT(p_user, ' is the user that this deploy is connected as: give the schema a user of another name');
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = v_message;
  END IF;
  IF NOT p_take_over
    AND EXISTS (SELECT * FROM mysql.user WHERE User = p_user AND Host = p_host)
    AND NOT EXISTS (SELECT * FROM schema_account WHERE user = p_user AND host = p_host)
  THEN
    SET v_message = LEFT(CONCAT(p_user, '@', p_host), 50);
    SET v_message = CONCAT(v_message, ' was not made by this schema: choose another name, or set takeOver to drop it');
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = v_message;
  END IF;
  INSERT INTO schema_account (user, host) VALUES (p_user, p_host) ON DUPLICATE KEY UPDATE host = p_host;
END`,
  );
}

/**
 * Puts an account into the record, or refuses.
 *
 * @param takeOver takes an account that is there and not in the record
 */
export function claimAccount(database: string, { user, host }: Account, takeOver: boolean): string {
  const parameters = [quoteString(user), quoteString(host), String(takeOver).toUpperCase()];
  return `CALL ${quoteName(database)}.schema_claim(${parameters.join(", ")})`;
}

/** Takes an account out of the record, once it is gone. */
export function releaseAccount(database: string, { user, host }: Account): string {
  const [quotedUser, quotedHost] = [quoteString(user), quoteString(host)];
  return (
    `DELETE FROM ${quoteName(database)}.schema_account WHERE user = ${quotedUser} AND host = ${quotedHost} ` +
    `AND NOT EXISTS (SELECT * FROM mysql.user AS server WHERE server.User = ${quotedUser} AND server.Host = ${quotedHost})`
  );
}

/** Drops an account, if it is there. The text is in the state of each deployed user: one that changes drops that user. */
export function dropAccount({ user, host }: Account): string {
  return `DROP USER IF EXISTS ${quoteString(user)}@${quoteString(host)}`;
}
