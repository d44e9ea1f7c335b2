/** The attributes of a resource as they are before a change. */
export type Attributes = Readonly<Record<string, unknown>>;

/**
 * Types of resources whose destruction loses data, and what is lost. The constructs protect those that they make: by
 * `prevent_destroy`, and secrets by their recovery window.
 */
export const STATEFUL_TYPES: Readonly<Record<string, string>> = {
  aws_db_instance: "the database with its rows",
  aws_kms_key: "the key, and with it all that is encrypted under it",
  aws_s3_bucket: "the bucket with its objects",
  aws_secretsmanager_secret: "the secret with all its versions",
  mysql_database: "the database with its tables",
  mysql_sql: "the tables",
};

/** Statements of a `mysql_sql` that lose rows when it is destroyed: those that a protected schema's guard refuses, and others' own. */
const LOSES_ROWS = /\.schema_guard\(\)|\b(?:DROP\s+(?:DATABASE|SCHEMA|TABLE)|TRUNCATE)\b/i;

/** The loss that the destruction of a resource means, or undefined where it can be made anew. */
export function lossBy(type: string, before: Attributes): string | undefined {
  if (type === "mysql_sql" && !LOSES_ROWS.test(String(before["delete_sql"]))) return undefined;
  return Object.hasOwn(STATEFUL_TYPES, type) ? STATEFUL_TYPES[type] : undefined;
}
