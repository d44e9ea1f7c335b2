import type { DataModelTable } from "../common/data-model";

/** The columns of the view: each table's own, without a child's copy of its parent's key. */
export function detectionsColumns(tables: DataModelTable[]): { table: DataModelTable; name: string; type: string }[] {
  return tables.flatMap((table) =>
    table.columns.filter(({ name }) => name !== table.parent?.column).map(({ name, type }) => ({ table, name, type })),
  );
}

/**
 * The view's SQL: what the hand-made backup joined, each row once, with LEFT JOINs so that an image without a prediction
 * and a prediction without a box show. A row comes from the newest committed snapshot or, where it was purged since, from
 * an archive; files without a manifest do not count.
 */
export function detectionsSql(tables: DataModelTable[]): string {
  const selected = detectionsColumns(tables).map(({ table, name }) => `  ${table.name}_rows."${name}"`);
  const joins = tables.map(({ name, parent }) =>
    parent === undefined
      ? `FROM ${name}_rows`
      : `LEFT JOIN ${name}_rows ON ${name}_rows."${parent.column}" = ${parent.table}_rows."${parent.column}"`,
  );
  return [
    `WITH committed AS (`,
    `  SELECT kind, run_id, cutoff FROM manifests WHERE kind = 'archive'`,
    `  UNION ALL`,
    `  SELECT kind, run_id, cutoff FROM (SELECT * FROM manifests WHERE kind = 'snapshot' ORDER BY cutoff DESC LIMIT 1)`,
    `),`,
    tables.map(tableRows).join(",\n"),
    "SELECT",
    selected.join(",\n"),
    ...joins,
  ].join("\n");
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
    `    SELECT ${list}, row_number() OVER (PARTITION BY "${key}" ORDER BY cutoff DESC) AS copy FROM (`,
    `${copies("snapshot")}`,
    `    UNION ALL`,
    `${copies("archive")}`,
    `    )`,
    `  ) WHERE copy = 1`,
    `)`,
  ].join("\n");
}
