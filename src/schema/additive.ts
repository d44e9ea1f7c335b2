import { Cursor, splitAtCommas } from "./cursor";
import type { Token } from "./lexer";
import {
  acceptColumn,
  acceptConstraintOrKey,
  acceptKeyTail,
  acceptLiteral,
  acceptTableOption,
  cascades,
} from "./definitions";

/**
 * What a statement is to the data that is there: `additive` cannot lose any; `destructive` may, or is not recognised;
 * `unsupported` cannot stand in a migration at all.
 */
export type Verdict =
  | { readonly kind: "additive" }
  | { readonly kind: "destructive"; readonly reason: string }
  | { readonly kind: "unsupported"; readonly reason: string };

const ADDITIVE: Verdict = { kind: "additive" };

/** First words of what the ledger can run: one prepared statement that leaves nothing behind in its session. */
const SUPPORTED = [
  "CREATE TABLE",
  "CREATE INDEX",
  "CREATE VIEW",
  "ALTER TABLE",
  "ALTER VIEW",
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
  if (!isSupported(tokens)) {
    return {
      kind: "unsupported",
      reason: `${new Cursor(tokens).rest} is not for a migration, which holds ${SUPPORTED.join(", ")}`,
    };
  }
  const reason = whyNotAdditive(tokens);
  return reason === undefined ? ADDITIVE : { kind: "destructive", reason };
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
  if (cursor.accept("INSERT", "INTO")) return insert(cursor);
  if (isViewCreation(new Cursor(tokens))) return undefined;
  return `${cursor.rest} is not known to keep all data`;
}

function createTable(cursor: Cursor): string | undefined {
  if (cursor.accept("IF"))
    return "IF NOT EXISTS takes a different table of that name for the new one, without an error";
  if (!cursor.acceptName()) return notAName(cursor);
  if (cursor.acceptGroup() === undefined) return `${cursor.rest} stands where a table's columns are expected`;
  while (!cursor.atEnd) {
    cursor.accept(",");
    if (!acceptTableOption(cursor)) return `the table option ${cursor.rest} is not known to keep all data`;
  }
  return undefined;
}

function createIndex(cursor: Cursor): string | undefined {
  cursor.acceptName();
  const known = cursor.accept("ON") && cursor.acceptName() && acceptKeyTail(cursor) && cursor.atEnd;
  return known ? undefined : `${cursor.rest} is not known in CREATE INDEX (name ON table (columns))`;
}

function isViewCreation(cursor: Cursor): boolean {
  if (!cursor.accept("CREATE")) return false;
  cursor.accept("OR", "REPLACE");
  if (cursor.accept("ALGORITHM", "=")) cursor.acceptOneOf("UNDEFINED", "MERGE", "TEMPTABLE");
  if (cursor.accept("SQL", "SECURITY")) cursor.acceptOneOf("DEFINER", "INVOKER");
  return cursor.accept("VIEW") && cursor.acceptName();
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
  if (clause.accept("ADD")) return acceptConstraintOrKey(clause) || acceptColumn(clause);
  if (clause.acceptOneOf("RENAME INDEX", "RENAME KEY")) {
    return clause.acceptName() && clause.accept("TO") && clause.acceptName();
  }
  if (clause.accept("ALTER")) {
    clause.accept("COLUMN");
    if (!clause.acceptName()) return false;
    if (clause.accept("DROP", "DEFAULT")) return true;
    return clause.accept("SET", "DEFAULT") && acceptLiteral(clause);
  }
  if (clause.acceptOneOf("COMMENT", "AUTO_INCREMENT", "ALGORITHM", "LOCK")) {
    clause.accept("=");
    return clause.acceptString() || clause.acceptName();
  }
  return false;
}

function insert(cursor: Cursor): string | undefined {
  if (!cursor.acceptName()) return notAName(cursor);
  cursor.acceptGroup();
  if (cursor.acceptOneOf("VALUES", "VALUE")) {
    do {
      if (cursor.acceptGroup() === undefined) return `${cursor.rest} stands where a row's values are expected`;
    } while (cursor.accept(","));
  } else if (!cursor.accept("SELECT")) {
    return `${cursor.rest} is not known in INSERT INTO table (columns) VALUES or SELECT`;
  }
  while (!cursor.atEnd) {
    if (cursor.accept("ON", "DUPLICATE")) return keepsDuplicate(cursor.acceptRest());
    if (cursor.acceptGroup() === undefined) cursor.skip();
  }
  return undefined;
}

/** `ON DUPLICATE KEY UPDATE id = id` leaves the row that is there as it is, which makes an insert repeatable. */
function keepsDuplicate(tokens: readonly Token[]): string | undefined {
  const [left, equals, right] = tokens.slice(2);
  const same = tokens.length === 5 && left !== undefined && equals?.text === "=" && left.text === right?.text;
  return same ? undefined : "ON DUPLICATE KEY UPDATE changes rows that are there (but for `column = column`)";
}

function notAName(cursor: Cursor): string {
  return `${cursor.rest} is not a table's name alone: the database is chosen by the construct, leave it out`;
}
