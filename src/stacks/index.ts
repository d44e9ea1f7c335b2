export { DATABASE_USERS, type DatabaseUser, DataLakeStack } from "./data-lake-stack";
export type { Environment, LocalEndpoints } from "./environment";
export { MetadataSchemaStack } from "./metadata-schema-stack";
export { StateBackendStack } from "./state-backend-stack";
