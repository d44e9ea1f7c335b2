import { Cursor } from "./cursor";
import type { Token } from "./lexer";

/** Words of a column's definition that are followed by nothing of their own. */
const COLUMN_WORDS = new Set(
  (
    "TINYINT SMALLINT MEDIUMINT INT INTEGER BIGINT DECIMAL DEC NUMERIC FLOAT DOUBLE PRECISION BIT BOOL BOOLEAN " +
    "DATE TIME DATETIME TIMESTAMP YEAR CHAR VARCHAR BINARY VARBINARY TINYTEXT TEXT MEDIUMTEXT LONGTEXT " +
    "TINYBLOB BLOB MEDIUMBLOB LONGBLOB ENUM SET JSON GEOMETRY POINT LINESTRING POLYGON UUID INET4 INET6 " +
    "UNSIGNED SIGNED ZEROFILL NOT NULL AUTO_INCREMENT UNIQUE PRIMARY KEY VISIBLE INVISIBLE " +
    "GENERATED ALWAYS AS STORED PERSISTENT VIRTUAL CHECK TRUE FALSE CURRENT_TIMESTAMP NOW FIRST"
  ).split(" "),
);

/** Foreign keys may refuse a change of the parent, never pass it on to the children. */
const REFUSING_ACTIONS = ["RESTRICT", "NO ACTION"];

/** Whether a foreign key among the tokens has an action that deletes or changes rows by itself. */
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
  if (!cursor.acceptOneOf("CHARSET", "CHARACTER SET", "COLLATE", "COMMENT", "AUTO_INCREMENT", "ROW_FORMAT"))
    return false;
  cursor.accept("=");
  return cursor.acceptString() || cursor.acceptName();
}

/** Accepts `[CONSTRAINT [name]] PRIMARY KEY | UNIQUE | INDEX | FOREIGN KEY | CHECK …`, as ADD takes it. */
export function acceptConstraintOrKey(cursor: Cursor): boolean {
  if (cursor.accept("CONSTRAINT")) {
    acceptOptionalName(cursor, ["PRIMARY", "UNIQUE", "FOREIGN", "CHECK"]);
  }
  if (cursor.accept("CHECK")) return cursor.acceptGroup() !== undefined;
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

/** Accepts `[USING method] (columns) [USING method] [COMMENT text] [ALGORITHM = …] [LOCK = …]`. */
export function acceptKeyTail(cursor: Cursor): boolean {
  const acceptMethod = (): boolean => cursor.acceptOneOf("USING BTREE", "USING HASH");
  acceptMethod();
  if (cursor.acceptGroup() === undefined) return false;
  acceptMethod();
  if (cursor.accept("COMMENT") && !cursor.acceptString()) return false;
  while (cursor.acceptOneOf("ALGORITHM", "LOCK")) {
    cursor.accept("=");
    if (!cursor.acceptName()) return false;
  }
  return true;
}

/** Accepts `[COLUMN] name type attributes… [FIRST | AFTER name]`; a word that it does not know is refused. */
export function acceptColumn(cursor: Cursor): boolean {
  cursor.accept("COLUMN");
  if (!cursor.acceptName() || !cursor.acceptOneOf(...COLUMN_WORDS)) return false;
  while (!cursor.atEnd) {
    if (cursor.acceptOneOf("AFTER", "COLLATE", "CHARACTER SET", "CHARSET")) {
      if (!cursor.acceptName()) return false;
    } else if (cursor.acceptOneOf("COMMENT", "DEFAULT")) {
      if (!acceptLiteral(cursor)) return false;
    } else if (cursor.accept("ON", "UPDATE")) {
      if (!cursor.acceptOneOf("CURRENT_TIMESTAMP", "NOW")) return false;
    } else if (!cursor.acceptOneOf(...COLUMN_WORDS) && cursor.acceptGroup() === undefined) {
      return false;
    }
  }
  return true;
}

/** Accepts a literal such as `'text'`, `-0.5`, `NULL`, or an expression in parentheses. */
export function acceptLiteral(cursor: Cursor): boolean {
  cursor.acceptOneOf("-", "+");
  if (cursor.acceptString() || cursor.acceptGroup() !== undefined) return true;
  return cursor.acceptWord() && (!cursor.accept(".") || cursor.acceptWord());
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
