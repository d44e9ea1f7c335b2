import type { DataModelTable } from "../../schema/data-model-file";
import type { CatalogTable } from "./catalog-table";

/** The backups that count: all archives, and the newest snapshot. */
const COMMITTED = [
  `WITH committed AS (`,
  `  SELECT kind, run_id, cutoff FROM manifests WHERE kind = 'archive'`,
  `  UNION ALL`,
  `  SELECT kind, run_id, cutoff FROM (SELECT * FROM manifests WHERE kind = 'snapshot' ORDER BY cutoff DESC LIMIT 1)`,
  `)`,
];
/** Spaces: no column of a table has such a name. */
const CUTOFF = `"cutoff of the backup"`;
const COPY = `"number of the copy"`;

/**
 * The newest copy of each row of a table, from the newest committed snapshot or, where it was purged since, from an archive.
 * Without a key no two copies are known to be the same row: the view then has the newest snapshot's rows.
 */
export function latestSql({ name, key, columns }: CatalogTable): string {
  const list = columns.map((column) => `"${column.name}"`).join(", ");
  const copies = (kind: string): string =>
    `SELECT ${columns.map((column) => `copy."${column.name}"`).join(", ")}, committed.cutoff AS ${CUTOFF}\n` +
    `    FROM ${kind}_${name} AS copy JOIN committed\n` +
    `    ON committed.kind = '${kind}' AND committed.run_id = regexp_extract(copy."$path", 'run_id=([^/]+)', 1)`;
  if (key.length === 0) return [...COMMITTED, `SELECT ${list} FROM (`, `    ${copies("snapshot")}`, `)`].join("\n");
  const keyList = key.map((column) => `"${column}"`).join(", ");
  return [
    ...COMMITTED,
    `SELECT ${list} FROM (`,
    `  SELECT ${list}, row_number() OVER (PARTITION BY ${keyList} ORDER BY ${CUTOFF} DESC) AS ${COPY} FROM (`,
    `    ${copies("snapshot")}`,
    `    UNION ALL`,
    `    ${copies("archive")}`,
    `  )`,
    `) WHERE ${COPY} = 1`,
  ].join("\n");
}

/** The parent of an X-ray table: its name, and the column that has the same name in both. */
function parentOf({ foreignKeys }: DataModelTable): { table: string; column: string } | undefined {
  const [key] = foreignKeys ?? [];
  return key && { table: key.table, column: key.columns[0] ?? "" };
}

/** The columns of the view: each table's own, without a child's copy of its parent's key. */
export function detectionsColumns(
  tables: readonly DataModelTable[],
): { table: DataModelTable; name: string; type: string }[] {
  return tables.flatMap((table) =>
    table.columns
      .filter(({ name }) => name !== parentOf(table)?.column)
      .map(({ name, type }) => ({ table, name, type })),
  );
}

/**
 * The view's SQL: what the hand-made backup joined, each row once, with LEFT JOINs so that an image without a prediction
 * and a prediction without a box show. A row comes from the newest committed snapshot or, where it was purged since, from
 * an archive; files without a manifest do not count.
 */
export function detectionsSql(tables: readonly DataModelTable[]): string {
  const selected = detectionsColumns(tables).map(({ table, name }) => `  ${table.name}_rows."${name}"`);
  const joins = tables.map((table) => {
    const rows = `${table.name}_rows`;
    const parent = parentOf(table);
    return parent === undefined
      ? `FROM ${rows}`
      : `LEFT JOIN ${rows} ON ${rows}."${parent.column}" = ${parent.table}_rows."${parent.column}"`;
  });
  return [`${COMMITTED.join("\n")},`, tables.map(tableRows).join(",\n"), "SELECT", selected.join(",\n"), ...joins].join(
    "\n",
  );
}

/** The newest copy of each row of a table. */
function tableRows({ name, key, columns }: DataModelTable): string {
  const list = columns.map((column) => `"${column.name}"`).join(", ");
  const copies = (kind: string): string =>
    `    SELECT ${list}, cutoff FROM ${kind}_${name}\n` +
    `    JOIN committed ON kind = '${kind}' AND run_id = regexp_extract("$path", 'run_id=([^/]+)', 1)`;
  return [
    `${name}_rows AS (`,
    `  SELECT ${list} FROM (`,
    `    SELECT ${list}, row_number() OVER (PARTITION BY "${key.join('", "')}" ORDER BY cutoff DESC) AS copy FROM (`,
    `${copies("snapshot")}`,
    `    UNION ALL`,
    `${copies("archive")}`,
    `    )`,
    `  ) WHERE copy = 1`,
    `)`,
  ].join("\n");
}
