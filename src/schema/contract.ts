import { Cursor, columnList, splitAtCommas } from "./cursor";
import type { Token } from "./lexer";

/** Tables that the web app inserts into by position: `INSERT INTO image VALUES (…)`. */
export const POSITIONAL_TABLES = ["image", "transaction", "pred_bounding_box"];

/**
 * Why a statement makes the web app's inserts fail, or undefined. A new column must be INVISIBLE, so that no value is
 * asked for it, and have one by itself: NULL, a default, or an expression.
 */
export function breaksContract(tokens: readonly Token[]): string | undefined {
  const cursor = new Cursor(tokens);
  if (!cursor.accept("ALTER", "TABLE")) return undefined;
  const table = cursor.name?.toLowerCase() ?? "";
  if (!cursor.acceptName() || !POSITIONAL_TABLES.includes(table)) return undefined;
  return splitAtCommas(cursor.acceptRest())
    .map((clause) => whyClauseBreaks(table, clause))
    .find((reason) => reason !== undefined);
}

function whyClauseBreaks(table: string, clause: readonly Token[]): string | undefined {
  const cursor = new Cursor(clause);
  if (cursor.accept("ALTER")) {
    if (hasWords(clause, "SET", "VISIBLE")) return contract(table, "a column that becomes visible");
    if (hasWords(clause, "SET", "INVISIBLE")) return contract(table, "a column that becomes invisible");
    return hasWords(clause, "DROP", "DEFAULT") ? contract(table, "a column without its default") : undefined;
  }
  if (!cursor.accept("ADD") || isConstraintOrKey(clause.slice(1))) return undefined;
  const columns = columnList(cursor) ?? [cursor.acceptRest()];
  return columns.map((column) => whyColumnBreaks(table, column)).find((reason) => reason !== undefined);
}

function whyColumnBreaks(table: string, column: readonly Token[]): string | undefined {
  const cursor = new Cursor(column);
  cursor.accept("COLUMN");
  cursor.acceptName();
  const definition = cursor.acceptRest();
  // Of the two words the server takes the last.
  if (!hasWords(definition, "INVISIBLE") || hasWords(definition, "VISIBLE"))
    return contract(table, "a visible new column");
  const filled = !hasWords(definition, "NOT", "NULL") || ["DEFAULT", "AS"].some((word) => hasWords(definition, word));
  return filled ? undefined : contract(table, "a new column that is NOT NULL and has no default");
}

function contract(table: string, found: string): string {
  return `${found} in ${table}: the web app inserts by position and would fail; a new column there is INVISIBLE, and has a default or may be NULL`;
}

function isConstraintOrKey(tokens: readonly Token[]): boolean {
  const cursor = new Cursor(tokens);
  return ["CONSTRAINT", "CHECK", "FOREIGN", "PRIMARY", "UNIQUE", "FULLTEXT", "SPATIAL", "INDEX", "KEY"].some((word) =>
    cursor.peek(word),
  );
}

function hasWords(tokens: readonly Token[], ...words: string[]): boolean {
  return tokens.some((_, index) => new Cursor(tokens.slice(index)).accept(...words));
}
