import { readFileSync } from "node:fs";
import { parseColumnType } from "./column-type";
import { SchemaError } from "./schema-error";

/** A column of a {@link DataModelTable}. */
export interface DataModelColumn {
  /** The column's name. */
  readonly name: string;
  /** The type as information_schema writes it, without a display width, such as `varchar(100)` or `int unsigned`. */
  readonly type: string;
  /**
   * The column may hold NULL.
   * @default false
   */
  readonly nullable?: boolean;
  /**
   * The server makes the values.
   * @default false
   */
  readonly generated?: boolean;
  /**
   * The character set of a text.
   * @default - the column is no text, or its character set is not known
   */
  readonly characterSet?: string;
}

/** A foreign key of a {@link DataModelTable}, to a table of the same data model. */
export interface DataModelForeignKey {
  /** The constraint's name. */
  readonly name: string;
  /** The columns that reference. */
  readonly columns: readonly string[];
  /** The table that they reference. */
  readonly table: string;
  /** The columns there, in the same order. */
  readonly referencedColumns: readonly string[];
}

/** A table that is backed up. */
export interface DataModelTable {
  /** The table's name. */
  readonly name: string;
  /** The columns that tell rows apart: the primary key's, else those of a unique index without NULL, else none. */
  readonly key: readonly string[];
  /** All columns, in the table's order. */
  readonly columns: readonly DataModelColumn[];
  /**
   * The foreign keys.
   * @default - none
   */
  readonly foreignKeys?: readonly DataModelForeignKey[];
}

/** The end of the names of the columns that a backup adds to its files. */
const RESERVED_SUFFIX = "__exact";

/** The tables of a file that `xray-schema model` wrote. */
export function readDataModelFile(file: string): DataModelTable[] {
  let text;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new SchemaError(
      `the data model cannot be read (${(error as NodeJS.ErrnoException).code}): npx xray-schema model writes it`,
      file,
    );
  }
  return parseDataModel(text, file);
}

/** The tables of a data model in JSON; `file` names it in errors. */
export function parseDataModel(text: string, file: string): DataModelTable[] {
  let document;
  try {
    document = JSON.parse(text) as unknown;
  } catch (error) {
    throw new SchemaError(`is no JSON: ${(error as Error).message}`, file);
  }
  const tables = isRecord(document) && Array.isArray(document["tables"]) ? (document["tables"] as unknown[]) : [];
  if (tables.length === 0) {
    throw new SchemaError(`must hold {"tables": […]} with at least one table: write it by xray-schema model`, file);
  }
  const parsed = tables.map((table, index) => parseTable(table, `tables[${index}]`, file));
  checkReferences(parsed, file);
  return parsed;
}

/** Why a backup cannot hold a column, or undefined where it can. */
export function columnFault({ name, type }: DataModelColumn): string | undefined {
  if (name.endsWith(RESERVED_SUFFIX)) return `names that end in ${RESERVED_SUFFIX} are the backup's own: rename it`;
  if (parseColumnType(type) !== undefined) return undefined;
  return `type ${JSON.stringify(type)} cannot be backed up: it must be a type of MySQL 8.4`;
}

/** The file's text: one line for each column and foreign key, so that a change of one is a change of one line. */
export function formatDataModel(tables: readonly DataModelTable[]): string {
  const list = (items: readonly object[]): string => items.map((item) => `\n        ${inOneLine(item)}`).join(",");
  const written = tables.map(({ name, key, columns, foreignKeys = [] }) =>
    [
      "    {",
      `      "name": ${JSON.stringify(name)},`,
      `      "key": ${inOneLine(key)},`,
      `      "columns": [${list(columns)}\n      ]${foreignKeys.length === 0 ? "" : ","}`,
      ...(foreignKeys.length === 0 ? [] : [`      "foreignKeys": [${list(foreignKeys)}\n      ]`]),
      "    }",
    ].join("\n"),
  );
  return `{\n  "tables": [\n${written.join(",\n")}\n  ]\n}\n`;
}

function inOneLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inOneLine).join(", ")}]`;
  if (!isRecord(value)) return JSON.stringify(value);
  const fields = Object.entries(value).map(([name, field]) => `${JSON.stringify(name)}: ${inOneLine(field)}`);
  return `{ ${fields.join(", ")} }`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseTable(value: unknown, place: string, file: string): DataModelTable {
  const fields = fieldsOf(value, place, file, ["name", "key", "columns"], ["foreignKeys"]);
  const name = text(fields["name"], `name of ${place}`, file);
  const table = `table ${JSON.stringify(name)}`;
  const columns = list(fields["columns"], `columns of ${table}`, file).map((column) =>
    parseColumn(column, table, file),
  );
  if (columns.length === 0) throw new SchemaError(`${table} must have a column, got none`, file);
  const key = texts(fields["key"], `key of ${table}`, file);
  for (const keyColumn of key) {
    const column = columns.find((one) => one.name === keyColumn);
    if (column === undefined) {
      throw new SchemaError(`key of ${table} names ${JSON.stringify(keyColumn)}, which is no column of it`, file);
    }
    if (column.nullable === true) {
      throw new SchemaError(
        `column ${JSON.stringify(keyColumn)} of ${table} is in the key and must not be nullable`,
        file,
      );
    }
  }
  const foreignKeys = list(fields["foreignKeys"] ?? [], `foreignKeys of ${table}`, file);
  return {
    name,
    key,
    columns,
    ...(foreignKeys.length > 0 && { foreignKeys: foreignKeys.map((one) => parseForeignKey(one, table, file)) }),
  };
}

function parseColumn(value: unknown, table: string, file: string): DataModelColumn {
  const place = `column of ${table}`;
  const fields = fieldsOf(value, place, file, ["name", "type"], ["nullable", "generated", "characterSet"]);
  const name = text(fields["name"], `name of a ${place}`, file);
  const named = `column ${JSON.stringify(name)} of ${table}`;
  const { nullable, generated, characterSet } = fields;
  for (const [field, flag] of Object.entries({ nullable, generated })) {
    if (flag !== undefined && typeof flag !== "boolean") {
      throw new SchemaError(`${field} of ${named} must be true or false, got ${JSON.stringify(flag)}`, file);
    }
  }
  const column: DataModelColumn = {
    name,
    type: text(fields["type"], `type of ${named}`, file),
    ...(nullable === true && { nullable }),
    ...(generated === true && { generated }),
    ...(characterSet !== undefined && { characterSet: text(characterSet, `characterSet of ${named}`, file) }),
  };
  const fault = columnFault(column);
  if (fault !== undefined) throw new SchemaError(`${named}: ${fault}`, file);
  return column;
}

function parseForeignKey(value: unknown, table: string, file: string): DataModelForeignKey {
  const place = `foreign key of ${table}`;
  const fields = fieldsOf(value, place, file, ["name", "columns", "table", "referencedColumns"], []);
  return {
    name: text(fields["name"], `name of a ${place}`, file),
    columns: texts(fields["columns"], `columns of a ${place}`, file),
    table: text(fields["table"], `table of a ${place}`, file),
    referencedColumns: texts(fields["referencedColumns"], `referencedColumns of a ${place}`, file),
  };
}

/** Throws where a name stands twice, or a foreign key names what is not there. */
function checkReferences(tables: readonly DataModelTable[], file: string): void {
  const byName = new Map(tables.map((table) => [table.name, table]));
  const twice = repeated(tables.map(({ name }) => name));
  if (twice !== undefined) throw new SchemaError(`table ${JSON.stringify(twice)} is there twice`, file);
  for (const { name, columns, foreignKeys = [] } of tables) {
    const own = columns.map((column) => column.name);
    const again = repeated(own);
    if (again !== undefined) {
      throw new SchemaError(`column ${JSON.stringify(again)} of table ${JSON.stringify(name)} is there twice`, file);
    }
    for (const key of foreignKeys) {
      const place = `foreign key ${JSON.stringify(key.name)} of table ${JSON.stringify(name)}`;
      const parent = byName.get(key.table);
      if (parent === undefined) {
        throw new SchemaError(`${place} references table ${JSON.stringify(key.table)}, which is not there`, file);
      }
      if (key.columns.length === 0 || key.columns.length !== key.referencedColumns.length) {
        throw new SchemaError(`${place} must have as many columns as it references, and at least one`, file);
      }
      const others = parent.columns.map((column) => column.name);
      const missing = [
        ...key.columns.filter((column) => !own.includes(column)),
        ...key.referencedColumns.filter((column) => !others.includes(column)),
      ];
      if (missing[0] !== undefined) {
        throw new SchemaError(`${place} names column ${JSON.stringify(missing[0])}, which is not there`, file);
      }
    }
  }
}

function repeated(names: readonly string[]): string | undefined {
  return names.find((name, index) => names.indexOf(name) !== index);
}

function fieldsOf(
  value: unknown,
  place: string,
  file: string,
  required: readonly string[],
  optional: readonly string[],
): Record<string, unknown> {
  if (!isRecord(value)) throw new SchemaError(`${place} must be an object, got ${JSON.stringify(value)}`, file);
  const missing = required.find((name) => !(name in value));
  if (missing !== undefined) throw new SchemaError(`${place} has no ${JSON.stringify(missing)}`, file);
  const unknown = Object.keys(value).find((name) => ![...required, ...optional].includes(name));
  if (unknown !== undefined) {
    const known = [...required, ...optional].join(", ");
    throw new SchemaError(`${place} has the unknown field ${JSON.stringify(unknown)}: it takes ${known}`, file);
  }
  return value;
}

function text(value: unknown, place: string, file: string): string {
  if (typeof value === "string" && value !== "") return value;
  throw new SchemaError(`${place} must be a text, got ${JSON.stringify(value)}`, file);
}

function list(value: unknown, place: string, file: string): unknown[] {
  if (Array.isArray(value)) return value as unknown[];
  throw new SchemaError(`${place} must be a list, got ${JSON.stringify(value)}`, file);
}

function texts(value: unknown, place: string, file: string): string[] {
  return list(value, place, file).map((item) => text(item, place, file));
}
