/** The attributes of a resource as they are before or after a change. */
export type Attributes = Readonly<Record<string, unknown>>;

/** The losses that the destruction of a resource means, with its types: those of the constructs, and others of AWS that hold data. */
const LOSSES: Readonly<Record<string, readonly string[]>> = {
  "the database with its rows": [
    "aws_db_instance",
    "aws_docdb_cluster",
    "aws_docdbelastic_cluster",
    "aws_dsql_cluster",
    "aws_elasticache_cluster",
    "aws_elasticache_replication_group",
    "aws_elasticache_serverless_cache",
    "aws_elasticsearch_domain",
    "aws_keyspaces_keyspace",
    "aws_lightsail_database",
    "aws_memorydb_cluster",
    "aws_neptune_cluster",
    "aws_neptunegraph_graph",
    "aws_opensearch_domain",
    "aws_opensearchserverless_collection",
    "aws_rds_cluster",
    "aws_redshift_cluster",
    "aws_redshiftserverless_namespace",
    "aws_simpledb_domain",
    "aws_timestreaminfluxdb_db_instance",
    "aws_timestreamwrite_database",
  ],
  "the database with its tables": ["mysql_database"],
  "the tables": ["mysql_sql"],
  "the table with its rows": [
    "aws_dynamodb_global_table",
    "aws_dynamodb_table",
    "aws_keyspaces_table",
    "aws_s3tables_table",
    "aws_timestreamwrite_table",
  ],
  "the bucket with its objects": [
    "aws_glacier_vault",
    "aws_s3_bucket",
    "aws_s3_directory_bucket",
    "aws_s3tables_table_bucket",
  ],
  "the volume with its files": [
    "aws_ebs_volume",
    "aws_efs_file_system",
    "aws_fsx_lustre_file_system",
    "aws_fsx_ontap_file_system",
    "aws_fsx_ontap_volume",
    "aws_fsx_openzfs_file_system",
    "aws_fsx_openzfs_volume",
    "aws_fsx_windows_file_system",
  ],
  "the backups in it": ["aws_backup_vault", "aws_db_cluster_snapshot", "aws_db_snapshot", "aws_ebs_snapshot"],
  "the key, and with it all that is encrypted under it": [
    "aws_cloudhsm_v2_cluster",
    "aws_kms_external_key",
    "aws_kms_key",
  ],
  "the secret with all its versions": ["aws_secretsmanager_secret"],
  "the repository with all that is in it": ["aws_codecommit_repository", "aws_ecr_repository"],
  "the messages in it": [
    "aws_kinesis_stream",
    "aws_mq_broker",
    "aws_msk_cluster",
    "aws_msk_serverless_cluster",
    "aws_sqs_queue",
  ],
  "the users in it": ["aws_cognito_user_pool"],
  "the stack with all that it made": ["aws_cloudformation_stack"],
};

/**
 * Types of resources whose destruction loses data, and what is lost. The constructs protect those that they make: by
 * `prevent_destroy`, and secrets by their recovery window.
 */
export const STATEFUL_TYPES: ReadonlyMap<string, string> = new Map(
  Object.entries(LOSSES).flatMap(([loss, types]) => types.map((type) => [type, loss] as const)),
);

/** Statements by which the destruction of a `mysql_sql` loses no rows; the second is how the schema forgets a user. */
const KEEPS_ROWS =
  /^\s*(?:(?:DO|SELECT) \d+|DELETE FROM \S+\.schema_account WHERE [^;]*|DROP (?:EVENT|FUNCTION|PROCEDURE|ROLE|TRIGGER|USER|VIEW) [^;]*);?\s*$/i;

/** The loss that the destruction of a resource means, or undefined where it can be made anew. */
export function lossBy(type: string, before: Attributes): string | undefined {
  if (type === "mysql_sql" && KEEPS_ROWS.test(String(before["delete_sql"] ?? "DO 0"))) return undefined;
  return STATEFUL_TYPES.get(type) ?? (isProtected(before) ? "what its deletion protection keeps" : undefined);
}

/** Somebody has protected it: a resource of a type that no list names. */
function isProtected(before: Attributes): boolean {
  return Object.entries(before).some(([name, value]) => name.includes("deletion_protection") && value === true);
}
