import { Cursor, columnList, splitAtCommas } from "./cursor";
import { misleadingCharacter, type Token } from "./lexer";
import { breaksContract } from "./contract";
import {
  TUNING_OPTIONS,
  acceptColumn,
  acceptConstraintOrKey,
  acceptKeyTail,
  acceptLiteral,
  acceptMethod,
  acceptPartitioning,
  acceptTableOption,
  acceptValue,
  cascades,
} from "./definitions";

/**
 * Effect of a statement on existing data and on the app: `additive` cannot lose any row and breaks no insert;
 * `destructive` may, or is not recognised; `unsupported` cannot stand in a migration at all.
 */
export type Verdict =
  | { readonly kind: "additive" }
  | { readonly kind: "destructive"; readonly reason: string }
  | { readonly kind: "unsupported"; readonly reason: string };

const ADDITIVE: Verdict = { kind: "additive" };

/** First words of what the ledger can run: one prepared statement that leaves nothing behind in its session. */
export const SUPPORTED = [
  "CREATE TABLE",
  "CREATE INDEX",
  "CREATE VIEW",
  "ALTER TABLE",
  "DROP TABLE",
  "DROP INDEX",
  "DROP VIEW",
  "RENAME TABLE",
  "TRUNCATE TABLE",
  "INSERT",
  "REPLACE",
  "UPDATE",
  "DELETE",
];

/**
 * Judges a statement, fail-closed: what this list of additive statements does not name is not additive.
 *
 * The list follows Skeema's rules of unsafe changes; where Skeema compares with the live column (MODIFY), this has no
 * server to ask and takes the change for destructive.
 */
export function judgeStatement(tokens: readonly Token[]): Verdict {
  const misleading = misleadingCharacter(tokens);
  if (misleading !== undefined) return { kind: "destructive", reason: misleading };
  if (!isSupported(tokens)) {
    const isAlterView = new Cursor(tokens).accept("ALTER", "VIEW");
    return {
      kind: "unsupported",
      reason: isAlterView
        ? `${new Cursor(tokens).rest} cannot be prepared by MySQL: write CREATE OR REPLACE VIEW`
        : `${new Cursor(tokens).rest} is not for a migration, which holds ${SUPPORTED.join(", ")}`,
    };
  }
  const loss = whyNotAdditive(tokens);
  if (loss !== undefined) return { kind: "destructive", reason: `may lose data: ${loss}` };
  const broken = breaksContract(tokens);
  return broken === undefined ? ADDITIVE : { kind: "destructive", reason: broken };
}

function isSupported(tokens: readonly Token[]): boolean {
  const cursor = new Cursor(tokens);
  if (!cursor.accept("CREATE")) {
    return cursor.acceptOneOf(
      ...SUPPORTED.filter((words) => !words.startsWith("CREATE")),
      "TRUNCATE",
      "ALTER IGNORE TABLE",
    );
  }
  cursor.accept("OR", "REPLACE");
  cursor.acceptOneOf("UNIQUE", "FULLTEXT", "SPATIAL");
  return cursor.acceptOneOf("TABLE", "INDEX", "VIEW") || isViewCreation(new Cursor(tokens));
}

/** Undefined for an additive statement, else what was found that is not known to be additive. */
function whyNotAdditive(tokens: readonly Token[]): string | undefined {
  if (cascades(tokens)) return "a foreign key that deletes or changes rows of another table by itself";
  const cursor = new Cursor(tokens);
  if (cursor.accept("CREATE", "TABLE")) return createTable(cursor);
  if (cursor.acceptOneOf("CREATE INDEX", "CREATE UNIQUE INDEX", "CREATE FULLTEXT INDEX", "CREATE SPATIAL INDEX")) {
    return createIndex(cursor);
  }
  if (cursor.accept("ALTER", "TABLE")) return alterTable(cursor);
  if (cursor.accept("INSERT")) return insert(cursor);
  if (isViewCreation(new Cursor(tokens))) return undefined;
  return `${cursor.rest} is not known to keep all data`;
}

function createTable(cursor: Cursor): string | undefined {
  if (cursor.accept("IF"))
    return "IF NOT EXISTS takes a different table of that name for the new one, without an error";
  if (!cursor.acceptName()) return notAName(cursor);
  if (cursor.acceptGroup() === undefined) return `${cursor.rest} stands where a table's columns are expected`;
  while (!cursor.atEnd) {
    if (cursor.peek("PARTITION")) {
      return acceptPartitioning(cursor) && cursor.atEnd ? undefined : "partitions that are not known to keep all data";
    }
    cursor.accept(",");
    if (!acceptTableOption(cursor)) return `the table option ${cursor.rest} is not known to keep all data`;
  }
  return undefined;
}

function createIndex(cursor: Cursor): string | undefined {
  if (!cursor.peek("ON")) cursor.acceptName();
  acceptMethod(cursor);
  const known = cursor.accept("ON") && cursor.acceptName() && acceptKeyTail(cursor) && cursor.atEnd;
  return known ? undefined : `${cursor.rest} is not known in CREATE INDEX (name ON table (columns))`;
}

/** Accepts the beginning of a CREATE VIEW, up to the view's name. */
export function isViewCreation(cursor: Cursor): boolean {
  if (!cursor.accept("CREATE")) return false;
  cursor.accept("OR", "REPLACE");
  if (cursor.accept("ALGORITHM", "=")) cursor.acceptOneOf("UNDEFINED", "MERGE", "TEMPTABLE");
  if (cursor.accept("SQL", "SECURITY")) cursor.acceptOneOf("DEFINER", "INVOKER");
  // With IF NOT EXISTS a different view of that name stays, without an error.
  return cursor.accept("VIEW") && !cursor.peek("IF") && cursor.acceptName();
}

function alterTable(cursor: Cursor): string | undefined {
  if (!cursor.acceptName()) return notAName(cursor);
  for (const tokens of splitAtCommas(cursor.acceptRest())) {
    const clause = new Cursor(tokens);
    if (!acceptAlteration(clause) || !clause.atEnd) {
      return `ALTER TABLE … ${new Cursor(tokens).rest} is not known to keep all data`;
    }
  }
  return undefined;
}

function acceptAlteration(clause: Cursor): boolean {
  if (clause.accept("ADD")) return acceptConstraintOrKey(clause) || acceptColumns(clause) || acceptColumn(clause);
  if (clause.acceptOneOf("RENAME INDEX", "RENAME KEY")) {
    return clause.acceptName() && clause.accept("TO") && clause.acceptName();
  }
  if (clause.accept("ALTER", "INDEX")) {
    return clause.acceptName() && clause.acceptOneOf("VISIBLE", "INVISIBLE", "IGNORED", "NOT IGNORED");
  }
  if (clause.accept("ALTER")) {
    clause.accept("COLUMN");
    if (!clause.acceptName()) return false;
    if (clause.acceptOneOf("DROP DEFAULT", "SET VISIBLE", "SET INVISIBLE")) return true;
    return clause.accept("SET", "DEFAULT") && acceptLiteral(clause);
  }
  if (clause.acceptOneOf("ENGINE = INNODB", "ENGINE INNODB", "FORCE")) return true;
  let found = false;
  while (clause.acceptOneOf(...TUNING_OPTIONS, "ALGORITHM", "LOCK") && acceptValue(clause)) found = true;
  return found;
}

/** Accepts `[COLUMN] (column, …)`. */
function acceptColumns(clause: Cursor): boolean {
  const columns = columnList(clause);
  return columns !== undefined && columns.every((column) => acceptColumn(new Cursor(column)));
}

function insert(cursor: Cursor): string | undefined {
  cursor.acceptOneOf("LOW_PRIORITY", "HIGH_PRIORITY");
  if (cursor.peek("IGNORE") || cursor.peek("DELAYED")) return `INSERT ${cursor.rest} is not known to keep all data`;
  cursor.accept("INTO");
  if (!cursor.acceptName()) return notAName(cursor);
  if (cursor.accept("PARTITION") && cursor.acceptGroup() === undefined) return unknownRows(cursor);
  cursor.acceptGroup();
  if (cursor.acceptOneOf("VALUES", "VALUE")) {
    do {
      cursor.accept("ROW");
      if (cursor.acceptGroup() === undefined) return `${cursor.rest} stands where a row's values are expected`;
    } while (cursor.accept(","));
  } else if (!cursor.acceptOneOf("SELECT", "SET", "TABLE", "WITH")) {
    // A SELECT in parentheses, the second pair where the first held the columns.
    cursor.acceptGroup();
    if (!cursor.atEnd && !cursor.peek("ON")) return unknownRows(cursor);
  }
  while (!cursor.atEnd) {
    if (cursor.accept("ON", "DUPLICATE")) return keepsDuplicate(cursor.acceptRest());
    if (cursor.acceptGroup() === undefined) cursor.skip();
  }
  return undefined;
}

function unknownRows(cursor: Cursor): string {
  return `${cursor.rest} is not known in INSERT INTO table (columns) VALUES, SET or SELECT`;
}

/** `ON DUPLICATE KEY UPDATE id = id` leaves the row that is there as it is, which makes an insert repeatable. */
function keepsDuplicate(tokens: readonly Token[]): string | undefined {
  const assignment = tokens.slice(2).map(({ text }) => text);
  const equals = assignment.indexOf("=");
  const [left, right] = [assignment.slice(0, equals).join(""), assignment.slice(equals + 1).join("")];
  const same = equals > 0 && left === right && !assignment.includes(",");
  return same ? undefined : "ON DUPLICATE KEY UPDATE changes rows that are there (but for `column = column`)";
}

function notAName(cursor: Cursor): string {
  return `${cursor.rest} is not a table's name alone: the database is chosen by the construct, leave it out`;
}
