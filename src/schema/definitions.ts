import { Cursor } from "./cursor";
import type { Token } from "./lexer";

/** Words of a column's definition that are followed by nothing of their own. */
const COLUMN_WORDS = new Set(
  (
    "TINYINT SMALLINT MEDIUMINT INT INTEGER BIGINT INT1 INT2 INT3 INT4 INT8 DECIMAL DEC NUMERIC FIXED FLOAT DOUBLE " +
    "PRECISION REAL BIT BOOL BOOLEAN SERIAL DATE TIME DATETIME TIMESTAMP YEAR CHAR CHARACTER NCHAR VARCHAR NVARCHAR " +
    "NATIONAL VARYING BINARY VARBINARY TINYTEXT TEXT MEDIUMTEXT LONGTEXT TINYBLOB BLOB MEDIUMBLOB LONGBLOB ENUM SET " +
    "LONG BYTE ASCII UNICODE JSON GEOMETRY POINT LINESTRING POLYGON MULTIPOINT MULTILINESTRING MULTIPOLYGON " +
    "GEOMETRYCOLLECTION GEOMCOLLECTION VECTOR " +
    "UUID INET4 INET6 UNSIGNED SIGNED ZEROFILL NOT NULL AUTO_INCREMENT UNIQUE PRIMARY KEY VISIBLE INVISIBLE " +
    "GENERATED ALWAYS AS STORED PERSISTENT VIRTUAL CHECK ENFORCED TRUE FALSE CURRENT_TIMESTAMP NOW LOCALTIME " +
    "LOCALTIMESTAMP FIRST"
  ).split(" "),
);

/** Introducers of a literal in quotes, as in `b'0'`, `DATE '2026-01-02'`; a character set's begins with an underscore. */
const LITERAL_PREFIXES = ["B", "X", "N", "DATE", "TIME", "TIMESTAMP"];

/** Options of a table that describe or tune it, whether rows are there or not; a word, a number or a text follows. */
export const TUNING_OPTIONS = [
  "AUTO_INCREMENT",
  "COMMENT",
  "KEY_BLOCK_SIZE",
  "ROW_FORMAT",
  "STATS_AUTO_RECALC",
  "STATS_PERSISTENT",
  "STATS_SAMPLE_PAGES",
];

/** The same of a new table. */
const TABLE_OPTIONS = [
  ...TUNING_OPTIONS,
  "AUTOEXTEND_SIZE",
  "AVG_ROW_LENGTH",
  "CHARACTER SET",
  "CHARSET",
  "CHECKSUM",
  "COLLATE",
  "COMPRESSION",
  "ENCRYPTION",
  "MAX_ROWS",
  "MIN_ROWS",
];

/** Foreign keys may refuse a change of the parent, never pass it on to the children. */
const REFUSING_ACTIONS = ["RESTRICT", "NO ACTION"];

/** Finds a foreign key among the tokens whose action deletes or changes rows by itself. */
export function cascades(tokens: readonly Token[]): boolean {
  return tokens.some((_, index) => {
    const action = new Cursor(tokens.slice(index, index + 4));
    if (action.accept("ON", "DELETE")) return !action.acceptOneOf(...REFUSING_ACTIONS);
    return action.accept("ON", "UPDATE") && action.acceptOneOf("CASCADE", "SET NULL", "SET DEFAULT");
  });
}

/** Accepts a table option that only describes a new table. Any engine but InnoDB may lose rows. */
export function acceptTableOption(cursor: Cursor): boolean {
  if (cursor.acceptOneOf("ENGINE = INNODB", "ENGINE INNODB")) return true;
  cursor.accept("DEFAULT");
  return cursor.acceptOneOf(...TABLE_OPTIONS) && acceptValue(cursor);
}

/** Accepts `PARTITION BY method (…) [PARTITIONS n] [SUBPARTITION BY …] [(partitions)]` of a new table, of InnoDB and in its place. */
export function acceptPartitioning(cursor: Cursor): boolean {
  if (!cursor.accept("PARTITION", "BY") || !acceptPartitionMethod(cursor)) return false;
  if (cursor.accept("SUBPARTITION", "BY") && !acceptPartitionMethod(cursor)) return false;
  const partitions = cursor.acceptGroup() ?? [];
  return !partitions.some(({ kind, text }) => kind === "word" && /^(ENGINE|DIRECTORY)$/i.test(text));
}

function acceptPartitionMethod(cursor: Cursor): boolean {
  cursor.accept("LINEAR");
  if (!cursor.acceptOneOf("HASH", "KEY", "RANGE COLUMNS", "RANGE", "LIST COLUMNS", "LIST")) return false;
  if (cursor.accept("ALGORITHM") && !acceptValue(cursor)) return false;
  if (cursor.acceptGroup() === undefined) return false;
  return !cursor.acceptOneOf("PARTITIONS", "SUBPARTITIONS") || cursor.acceptWord();
}

/** Accepts `[=] value`, the value a word, a number or a text. */
export function acceptValue(cursor: Cursor): boolean {
  cursor.accept("=");
  return cursor.acceptString() || cursor.acceptName();
}

/** Accepts `[CONSTRAINT [name]] PRIMARY KEY | UNIQUE | INDEX | FOREIGN KEY | CHECK …`, as ADD takes it. */
export function acceptConstraintOrKey(cursor: Cursor): boolean {
  if (cursor.accept("CONSTRAINT")) {
    acceptOptionalName(cursor, ["PRIMARY", "UNIQUE", "FOREIGN", "CHECK"]);
  }
  if (cursor.accept("CHECK")) {
    if (cursor.acceptGroup() === undefined) return false;
    cursor.acceptOneOf("NOT ENFORCED", "ENFORCED");
    return true;
  }
  if (cursor.accept("FOREIGN", "KEY")) {
    cursor.acceptName();
    return cursor.acceptGroup() !== undefined && acceptReference(cursor);
  }
  const isKey =
    cursor.accept("PRIMARY", "KEY") ||
    (cursor.acceptOneOf("UNIQUE", "FULLTEXT", "SPATIAL") && (cursor.acceptOneOf("INDEX", "KEY") || true)) ||
    cursor.acceptOneOf("INDEX", "KEY");
  if (!isKey) return false;
  acceptOptionalName(cursor, ["USING"]);
  return acceptKeyTail(cursor);
}

/** Accepts `[USING method] (columns)` and options that tell how the key is kept and whether the optimizer uses it. */
export function acceptKeyTail(cursor: Cursor): boolean {
  acceptMethod(cursor);
  if (cursor.acceptGroup() === undefined) return false;
  while (!cursor.atEnd) {
    if (acceptMethod(cursor) || cursor.acceptOneOf("VISIBLE", "INVISIBLE", "IGNORED", "NOT IGNORED")) continue;
    if (cursor.acceptOneOf("COMMENT", "ALGORITHM", "LOCK", "KEY_BLOCK_SIZE")) {
      if (!acceptValue(cursor)) return false;
    } else if (!cursor.accept("WITH", "PARSER") || !cursor.acceptName()) {
      return false;
    }
  }
  return true;
}

/** Accepts the data structure of an index. */
export function acceptMethod(cursor: Cursor): boolean {
  return cursor.acceptOneOf("USING BTREE", "USING HASH", "USING RTREE");
}

/** Accepts `[COLUMN] name type attributes… [FIRST | AFTER name]`; a word that it does not know is refused. */
export function acceptColumn(cursor: Cursor): boolean {
  cursor.accept("COLUMN");
  if (!cursor.acceptName() || !cursor.acceptOneOf(...COLUMN_WORDS)) return false;
  while (!cursor.atEnd) if (!acceptColumnAttribute(cursor)) return false;
  return true;
}

function acceptColumnAttribute(cursor: Cursor): boolean {
  if (cursor.peek("REFERENCES")) return acceptReference(cursor);
  if (cursor.acceptOneOf("AFTER", "COLLATE", "CHARACTER SET", "CHARSET", "COLUMN_FORMAT", "SRID")) {
    return cursor.acceptName();
  }
  if (cursor.acceptOneOf("COMMENT", "DEFAULT")) return acceptLiteral(cursor);
  if (cursor.accept("ON", "UPDATE")) {
    return cursor.acceptOneOf("CURRENT_TIMESTAMP", "NOW", "LOCALTIME", "LOCALTIMESTAMP");
  }
  if (cursor.accept("CONSTRAINT")) {
    acceptOptionalName(cursor, ["CHECK"]);
    return cursor.peek("CHECK");
  }
  return cursor.acceptOneOf(...COLUMN_WORDS) || cursor.acceptGroup() !== undefined;
}

/** Accepts a literal such as `'text'`, `-0.5`, `1e-3`, `b'0'`, `NULL`, `NOW(6)`, or an expression in parentheses. */
export function acceptLiteral(cursor: Cursor): boolean {
  cursor.acceptOneOf("-", "+");
  if (cursor.acceptGroup() !== undefined) return true;
  if (cursor.acceptOneOf(...LITERAL_PREFIXES) || cursor.acceptMatch(/^_[a-z0-9]+$/i)) return acceptStrings(cursor);
  return acceptStrings(cursor) || acceptNumber(cursor) || cursor.acceptWord();
}

/** Accepts one text, or several in a row, which SQL joins. */
function acceptStrings(cursor: Cursor): boolean {
  let found = false;
  while (cursor.acceptString()) found = true;
  return found;
}

/** Accepts a number that the lexer took apart: `1.5e-3` is five tokens. */
function acceptNumber(cursor: Cursor): boolean {
  const digits = /^\d+(e\d*)?$/i;
  const whole = cursor.acceptMatch(digits);
  const last = (cursor.accept(".") ? cursor.acceptMatch(digits) : undefined) ?? whole;
  if (last === undefined || !/e$/i.test(last)) return last !== undefined;
  return cursor.acceptOneOf("-", "+") && cursor.acceptMatch(/^\d+$/) !== undefined;
}

function acceptReference(cursor: Cursor): boolean {
  if (!cursor.accept("REFERENCES") || !cursor.acceptName() || cursor.acceptGroup() === undefined) return false;
  while (cursor.acceptOneOf("ON DELETE", "ON UPDATE")) {
    if (!cursor.acceptOneOf(...REFUSING_ACTIONS)) return false;
  }
  return true;
}

/** Accepts a name unless one of the keywords stands there, which begins what follows the name. */
function acceptOptionalName(cursor: Cursor, keywords: string[]): void {
  if (!keywords.some((keyword) => cursor.peek(keyword))) cursor.acceptName();
}
