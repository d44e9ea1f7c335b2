import type { IConstruct } from "constructs";
import { Annotations } from "cdktf";
import { parseColumnType } from "../../schema/column-type";
import type { DataModelTable } from "../../schema/data-model-file";
import { ValidationError } from "../common/validation-error";

/** The partition of every backup, by its day. */
export const RUN_DATE = "run_date";

/** A table as Athena can take it. */
export interface CatalogTable {
  /** The name, in letters that Athena takes. */
  readonly name: string;
  /** The table's own name, which its folder in the store has. */
  readonly folder: string;
  /** The key's columns; none where one of them is not in the catalog. */
  readonly key: readonly string[];
  /** The columns, with Athena's types. */
  readonly columns: readonly CatalogColumn[];
}

/** A column as Athena can take it. */
export interface CatalogColumn {
  /** The name, in lower case. */
  readonly name: string;
  /** Athena's type. */
  readonly type: string;
}

/**
 * The tables with the names and types that Athena takes: lower-case letters, digits and underscores. A table's name is
 * written so; a column's is the Parquet file's, which Athena finds in any case of its letters: with other characters it is
 * left out, with a warning.
 *
 * @see https://docs.aws.amazon.com/athena/latest/ug/tables-databases-columns-names.html
 */
export function catalogTables(scope: IConstruct, tables: readonly DataModelTable[]): CatalogTable[] {
  const byName = new Map<string, string>();
  return tables.map((table) => {
    const name = table.name.toLowerCase().replace(/[^a-z0-9_]/g, "_");
    const other = byName.get(name);
    if (other !== undefined) {
      throw new ValidationError(
        scope,
        `tables ${JSON.stringify(other)} and ${JSON.stringify(table.name)} are both ${name} in Athena, which takes ` +
          "lower-case letters, digits and underscores: leave one out of the data model of the catalog",
      );
    }
    byName.set(name, table.name);
    const known = table.columns.filter((column) => /^\w+$/.test(column.name) && column.name.toLowerCase() !== RUN_DATE);
    for (const column of table.columns.filter((one) => !known.includes(one))) {
      const reason =
        column.name.toLowerCase() === RUN_DATE
          ? "the partition of a backup has that name"
          : "Athena takes letters, digits and underscores";
      Annotations.of(scope).addWarning(
        `column ${JSON.stringify(column.name)} of table ${JSON.stringify(table.name)} is in the backups, but not in the catalog: ${reason}`,
      );
    }
    const columns = known.map((column) => ({ name: column.name.toLowerCase(), type: hiveType(column.type) }));
    const key = table.key.map((column) => column.toLowerCase());
    const hasKey = key.every((column) => columns.some((one) => one.name === column));
    return { name, folder: table.name, key: hasKey ? key : [], columns };
  });
}

const TYPES: Record<string, string> = {
  tinyint: "tinyint",
  smallint: "smallint",
  mediumint: "int",
  int: "int",
  bigint: "bigint",
  float: "float",
  double: "double",
  date: "date",
  year: "smallint",
  datetime: "timestamp",
  timestamp: "timestamp",
};
/** The Parquet file's next larger type, since Athena knows no unsigned one. */
const UNSIGNED: Record<string, string> = {
  tinyint: "int",
  smallint: "int",
  int: "bigint",
  bigint: "decimal(20,0)",
};
const BYTES = /^(binary|varbinary|(tiny|medium|long)?blob|geometry|point|linestring|polygon|multi.*|geom.*)$/;

/** The type that a Parquet file of the backup has for a MySQL type; a text where Athena has none. */
export function hiveType(mysqlType: string): string {
  const { name, numbers, unsigned } = parseColumnType(mysqlType) ?? { name: "", numbers: [], unsigned: false };
  const [first = 10, second = 0] = numbers;
  if (name === "decimal") return first <= 38 ? `decimal(${first},${second})` : "string";
  if (name === "bit") return numbers[0] === 64 ? "decimal(20,0)" : "bigint";
  if (BYTES.test(name)) return "binary";
  return (unsigned ? UNSIGNED[name] : undefined) ?? TYPES[name] ?? "string";
}

const VIEW_TYPES: Record<string, string> = { string: "varchar", int: "integer", float: "real", binary: "varbinary" };

/** A view's own spelling of Hive's types. */
export function trinoType(type: string): string {
  return VIEW_TYPES[type] ?? type;
}
