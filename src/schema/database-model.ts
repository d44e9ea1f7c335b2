import type { Connection, RowDataPacket } from "mysql2/promise";
import { withoutDisplayWidth } from "./column-type";
import { columnFault, type DataModelColumn, type DataModelForeignKey, type DataModelTable } from "./data-model-file";
import { SchemaError } from "./schema-error";

/** The part of a database that a model is about. */
export interface ModelScope {
  /** The database. */
  readonly database: string;
  /**
   * The tables.
   * @default - all that the user may see
   */
  readonly tables?: readonly string[];
  /**
   * Tables that are left out.
   * @default - none
   */
  readonly excludeTables?: readonly string[];
  /** Tells the tables of the migrations themselves, which are no data. */
  readonly isOfMigrations: (table: string) => boolean;
}

/** A model, and why a backup cannot hold all of it. */
export interface DatabaseModel {
  /** The tables, parents first as far as the foreign keys form no cycle, then by name. */
  readonly tables: DataModelTable[];
  /** One line for each table and column that cannot be backed up. */
  readonly faults: string[];
}

type Row = (string | number | null)[];

/** The tables of a database, from its information_schema. A foreign key to a table that is left out is left out, too. */
export async function readDatabaseModel(connection: Connection, scope: ModelScope): Promise<DatabaseModel> {
  const { database } = scope;
  const read = async (sql: string, values = [database]): Promise<Row[]> => {
    const [rows] = await connection.query<RowDataPacket[][]>({ sql, values, rowsAsArray: true });
    return (rows as unknown[][]).map((row) =>
      row.map((value) => (Buffer.isBuffer(value) ? value.toString() : (value as string | number | null))),
    );
  };
  const found = await read(
    "SELECT table_name, table_type, engine FROM information_schema.tables WHERE table_schema = ? AND table_type NOT IN ('VIEW', 'SYSTEM VIEW')",
  );
  const names = chosen(
    found.map(([name]) => String(name)),
    scope,
  );
  const columns = byTable(
    await read(
      "SELECT table_name, column_name, column_type, is_nullable, character_set_name, extra FROM information_schema.columns WHERE table_schema = ? ORDER BY ordinal_position",
    ),
  );
  const indexes = byTable(
    await read(
      "SELECT table_name, index_name, column_name, sub_part FROM information_schema.statistics WHERE table_schema = ? AND non_unique = 0 ORDER BY index_name <> 'PRIMARY', index_name, seq_in_index",
    ),
  );
  const references = byTable(
    await read(
      "SELECT table_name, constraint_name, column_name, referenced_table_name, referenced_column_name FROM information_schema.key_column_usage WHERE table_schema = ? AND referenced_table_schema = ? ORDER BY constraint_name, ordinal_position",
      [database, database],
    ),
  );
  const tables = names.map((name): DataModelTable => {
    const own = (columns.get(name) ?? []).map(toColumn);
    const foreignKeys = toForeignKeys(references.get(name) ?? []).filter(({ table }) => names.includes(table));
    const key = keyOf(indexes.get(name) ?? [], own);
    return { name, key, columns: own, ...(foreignKeys.length > 0 && { foreignKeys }) };
  });
  const kinds = new Map(found.map(([name, type, engine]) => [name, { type, engine }]));
  const faults = tables.flatMap(({ name, columns: own }) => [
    ...tableFault(name, kinds.get(name)),
    ...own.flatMap((column) => {
      const fault = columnFault(column);
      return fault === undefined
        ? []
        : [`column ${JSON.stringify(column.name)} of table ${JSON.stringify(name)}: ${fault}`];
    }),
  ]);
  return { tables: parentsFirst(tables), faults };
}

function chosen(
  found: readonly string[],
  { database, tables, excludeTables = [], isOfMigrations }: ModelScope,
): string[] {
  const data = found.filter((name) => !isOfMigrations(name)).sort();
  const known = data.join(", ") || "none that this user may see";
  const unknown = [...(tables ?? []), ...excludeTables].find((name) => !data.includes(name));
  if (unknown !== undefined) {
    throw new SchemaError(`has no table ${JSON.stringify(unknown)}; it has ${known}`, `database ${database}`);
  }
  const names = data.filter((name) => (tables?.includes(name) ?? true) && !excludeTables.includes(name));
  if (names.length === 0) throw new SchemaError(`no table is left; it has ${known}`, `database ${database}`);
  return names;
}

function tableFault(name: string, kind: { type?: unknown; engine?: unknown } = {}): string[] {
  const table = `table ${JSON.stringify(name)}`;
  if (kind.type !== "BASE TABLE") {
    return [`${table} is a ${String(kind.type)}, and a backup holds plain tables: leave it out with --exclude-tables`];
  }
  if (kind.engine === "InnoDB") return [];
  return [
    `${table} is of engine ${String(kind.engine)}, and only InnoDB reads all rows as of one moment: change the engine, or leave it out with --exclude-tables`,
  ];
}

function toColumn([name, type, nullable, characterSet, extra]: Row): DataModelColumn {
  return {
    name: String(name),
    type: withoutDisplayWidth(String(type)),
    ...(nullable === "YES" && { nullable: true }),
    ...(/(^| )(VIRTUAL|STORED|PERSISTENT) GENERATED/i.test(String(extra)) && { generated: true }),
    ...(characterSet !== null && { characterSet: String(characterSet) }),
  };
}

/** The columns of the first index that tells all rows apart: no NULL, no prefix, no expression, which has no column. */
function keyOf(parts: readonly Row[], columns: readonly DataModelColumn[]): string[] {
  const indexes = new Map<unknown, Row[]>();
  for (const [index, ...part] of parts) indexes.set(index, [...(indexes.get(index) ?? []), part]);
  const plain = (name: unknown): boolean => columns.some((column) => column.name === name && column.nullable !== true);
  const key = [...indexes.values()].find((index) => index.every(([name, prefix]) => plain(name) && prefix === null));
  return (key ?? []).map(([name]) => String(name));
}

function toForeignKeys(parts: readonly Row[]): DataModelForeignKey[] {
  const keys = new Map<string, { columns: string[]; table: string; referencedColumns: string[] }>();
  for (const [name, column, table, referenced] of parts.map((part) => part.map(String))) {
    if (name === undefined || column === undefined || table === undefined || referenced === undefined) continue;
    const key = keys.get(name) ?? { columns: [], table, referencedColumns: [] };
    key.columns.push(column);
    key.referencedColumns.push(referenced);
    keys.set(name, key);
  }
  return [...keys].map(([name, key]) => ({ name, ...key }));
}

function byTable(rows: readonly Row[]): Map<string, Row[]> {
  const found = new Map<string, Row[]>();
  for (const [table, ...row] of rows) found.set(String(table), [...(found.get(String(table)) ?? []), row]);
  return found;
}

/** In a cycle no table is ready: the first by name begins. The job sorts the tables of a database alike. */
function parentsFirst(tables: readonly DataModelTable[]): DataModelTable[] {
  let left = [...tables];
  const ordered: DataModelTable[] = [];
  while (left.length > 0) {
    const waiting = left.map(({ name }) => name);
    const ready = left.filter(
      ({ name, foreignKeys = [] }) => !foreignKeys.some(({ table }) => table !== name && waiting.includes(table)),
    );
    const next = ready.length > 0 ? ready : left.slice(0, 1);
    ordered.push(...next);
    left = left.filter((table) => !next.includes(table));
  }
  return ordered;
}
