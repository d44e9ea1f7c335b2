export { DATABASE_USERS, type DatabaseUser } from "./database-users";
export { DataLakeStack } from "./data-lake-stack";
export type { Environment, LocalEndpoints } from "./environment";
export { MetadataSchemaStack } from "./metadata-schema-stack";
export { StateBackendStack } from "./state-backend-stack";
