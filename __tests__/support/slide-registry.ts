import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { DataModel, type DataModelTable } from "../../src";
import { readDataModelFile } from "../../src/schema/data-model-file";

const file = path.join(__dirname, "..", "..", "examples", "own-data-model", "data-model.json");

/** The five tables of the example: slide <- annotation <- review; tissue <- specimen <- slide; tissue <- tissue. */
export const slideRegistry = DataModel.fromFile(file);

/** The same with tables that are changed or added. */
export function changedRegistry(change: (tables: DataModelTable[]) => DataModelTable[]): DataModel {
  const folder = mkdtempSync(path.join(tmpdir(), "model-"));
  try {
    const changed = path.join(folder, "data-model.json");
    writeFileSync(changed, JSON.stringify({ tables: change(readDataModelFile(file)) }));
    return DataModel.fromFile(changed);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The registry with one table changed. */
export function registryWith(name: string, change: (table: DataModelTable) => Partial<DataModelTable>): DataModel {
  return changedRegistry((tables) =>
    tables.map((table) => (table.name === name ? { ...table, ...change(table) } : table)),
  );
}
