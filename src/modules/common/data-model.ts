import * as fs from "node:fs";
import { assetPath } from "./assets";

/** A column, with its type as MySQL writes it. */
export interface DataModelColumn {
  /** The column's name. */
  readonly name: string;
  /** For example `varchar(100)`. */
  readonly type: string;
}

/** A table that is backed up. */
export interface DataModelTable {
  /** The table's name. */
  readonly name: string;
  /** The column of the primary key. */
  readonly key: string;
  /** All columns, in the table's order. */
  readonly columns: DataModelColumn[];
  /**
   * Target of the table's foreign key.
   * @default - it stands by itself
   */
  readonly parent?: DataModelParent;
  /**
   * The column that tells how old a row is; one table has it.
   * @default - the table's rows have no time
   */
  readonly timeColumn?: string;
}

/** Target of a foreign key. */
export interface DataModelParent {
  /** The table that it points at. */
  readonly table: string;
  /** The column that does, named alike in both tables. */
  readonly column: string;
}

/** The tables that the backup package works on, parents first: the one place where they are described. */
export function readDataModel(): DataModelTable[] {
  return (JSON.parse(fs.readFileSync(assetPath("data_model.json"), "utf8")) as { tables: DataModelTable[] }).tables;
}

/** The tables that a purge deletes from, parents first: the one with a time, and its descendants. */
export function purgedTables(): string[] {
  const purged: string[] = [];
  for (const { name, parent, timeColumn } of readDataModel()) {
    if (timeColumn !== undefined || (parent !== undefined && purged.includes(parent.table))) purged.push(name);
  }
  return purged;
}
