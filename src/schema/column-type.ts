/** A column's type in its parts: `decimal(10,2) unsigned` is `decimal`, 10 and 2, unsigned. */
export interface ColumnType {
  /** The type's name, in lower case. */
  readonly name: string;
  /** The numbers in parentheses; none for ENUM and SET. */
  readonly numbers: readonly number[];
  /** True for numbers that are never negative. */
  readonly unsigned: boolean;
}

const NUMERIC = ["tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "float", "double"];
const LISTS = ["enum", "set"];
/** https://dev.mysql.com/doc/refman/8.4/en/data-types.html, without VECTOR, which came with MySQL 9. */
const NAMES = [
  ...NUMERIC,
  ...LISTS,
  ...["bit", "date", "time", "datetime", "timestamp", "year", "json"],
  ...["char", "varchar", "tinytext", "text", "mediumtext", "longtext"],
  ...["binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"],
  ...["geometry", "point", "linestring", "polygon"],
  ...["multipoint", "multilinestring", "multipolygon", "geomcollection", "geometrycollection"],
];
const WITH_TIME = ["date", "datetime", "timestamp"];

const NUMBERS = /^([a-z]+)(?:\((\d+)(?:,(\d+))?\))?( unsigned)?( zerofill)?$/;
const VALUES = /^([a-z]+)\('(?:[^']|'')*'(?:,'(?:[^']|'')*')*\)$/;

/** The parts of a type as information_schema writes it, or undefined for one that a backup cannot hold. */
export function parseColumnType(text: string): ColumnType | undefined {
  const [, list = ""] = VALUES.exec(text) ?? [];
  if (LISTS.includes(list)) return { name: list, numbers: [], unsigned: false };
  const [, name = "", ...rest] = NUMBERS.exec(text) ?? [];
  const [first, second, unsigned, zerofill] = rest as (string | undefined)[];
  if (!NAMES.includes(name) || LISTS.includes(name)) return undefined;
  if ((unsigned ?? zerofill) !== undefined && !NUMERIC.includes(name)) return undefined;
  const numbers = [first, second].flatMap((number) => (number === undefined ? [] : [Number(number)]));
  return { name, numbers, unsigned: (unsigned ?? zerofill) !== undefined };
}

/** The type without the width in which a client shows it, which MariaDB writes; MySQL keeps that of TINYINT(1), a BOOL. */
export function withoutDisplayWidth(text: string): string {
  return text.replace(/^(tinyint(?!\(1\))|smallint|mediumint|int|bigint|year)\(\d+\)/, "$1");
}

/** Tells the types by which a row can grow old. */
export function hasTime(type: string): boolean {
  return WITH_TIME.includes(parseColumnType(type)?.name ?? "");
}
