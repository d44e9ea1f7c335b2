export { AccessLogsBucket, type AccessLogsBucketProps } from "./modules/storage/access-logs-bucket";
export { BackupBucket, type BackupBucketProps } from "./modules/storage/backup-bucket";
export type { IReplicaBucket } from "./modules/storage/backup-replication";
export type { GrantEraseOptions, IBackupBucket, IBucket, IEraser } from "./modules/storage/bucket-base";
export {
  DataLakeBucket,
  type DataLakeBucketAttributes,
  type DataLakeBucketProps,
  type DataLakePrefixes,
  type IDataLakeBucket,
  PublicAccess,
} from "./modules/storage/data-lake-bucket";
export {
  type BackupLifecycleProps,
  type DataLakeLifecycleProps,
  type ImageTransition,
  StorageClass,
} from "./modules/storage/data-lake-lifecycle";
export { ObjectLockMode, type ObjectLockRetention } from "./modules/storage/object-lock";
export { PrivateBucket, type PrivateBucketProps, type ServerAccessLogsProps } from "./modules/storage/private-bucket";

export { AuditEvent, type AuditLogOptions } from "./modules/database/audit-log";
export type { IDatabaseSecret } from "./modules/database/database-secret";
export {
  type DatabaseUserOptions,
  type IMetadataDatabase,
  MetadataDatabase,
} from "./modules/database/metadata-database";
export type {
  ClientEndpoint,
  DatabaseParameter,
  MetadataDatabaseProps,
} from "./modules/database/metadata-database-props";
export { MetadataSchema, type MetadataSchemaProps } from "./modules/database/metadata-schema";
export {
  type BackupUserOptions,
  type PurgeUserOptions,
  type SchemaAccountOptions,
  SchemaPrivilege,
  SchemaUser,
  type SchemaUserProps,
  type TaskUserOptions,
} from "./modules/database/schema-user";

export { BackupCatalog, type BackupCatalogProps } from "./modules/backup/backup-catalog";
export { BackupGlueJob, type BackupGlueJobProps, Scheduler } from "./modules/backup/backup-glue-job";
export type { DatabaseThresholds } from "./modules/backup/database-thresholds";
export { DataLakeAlarms, type DataLakeAlarmsProps } from "./modules/backup/data-lake-alarms";
export { EraseGlueJob, type EraseGlueJobProps } from "./modules/backup/erase-glue-job";
export type { GlueArguments } from "./modules/backup/glue-arguments";
export { ExecutionClass, type GlueDatabaseJobProps, GlueVersion } from "./modules/backup/glue-database-job";
export { PurgeGlueJob, type PurgeGlueJobProps, RunMode } from "./modules/backup/purge-glue-job";
export { RestoreGlueJob, type RestoreGlueJobProps } from "./modules/backup/restore-glue-job";

export {
  DataLakeNetwork,
  type DataLakeNetworkProps,
  type ExistingNetworkProps,
  type IDataLakeNetwork,
} from "./modules/network/data-lake-network";
export type { FlowLogsProps } from "./modules/network/flow-logs";
export type { DataLakeSubnet } from "./modules/network/data-lake-subnet";

export { DatabaseBastion, type DatabaseBastionProps, type DatabaseTunnel } from "./modules/access/database-bastion";
export type { ImageUploaderProps } from "./modules/access/image-uploader";
export { ImageUploaderUser, type ImageUploaderUserProps } from "./modules/access/image-uploader-user";
export { WebIdentityRole, type WebIdentityRoleProps } from "./modules/access/web-identity-role";

export { GithubActionsRole, type GithubActionsRoleProps } from "./modules/ci/github-actions-role";
export type { PlannedStack } from "./modules/ci/planned-stack";

export { RDS_CA_BUNDLE } from "./modules/common/assets";
export { DataLakeKey, type DataLakeKeyProps, type IDataLakeKey } from "./modules/common/data-lake-key";
export { type ArchivePolicy, type ArchivePolicyProps, DataModel } from "./modules/common/data-model";
export { EphemeralResource, type EphemeralResourceProps } from "./modules/common/ephemeral-resource";
export type { IGrantee } from "./modules/common/grantee";
export type { PolicyCondition, PolicyPrincipal, PolicyStatement } from "./modules/common/policy-document";
export { type IRole, Role, type RoleProps } from "./modules/common/role";
export { ValidationError } from "./modules/common/validation-error";

export type { DataModelColumn, DataModelForeignKey, DataModelTable } from "./schema/data-model-file";
