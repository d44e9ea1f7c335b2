import type { App } from "cdktf";
import { DataLakeStack } from "../../src/stacks/data-lake-stack";
import type { Environment } from "../../src/stacks/environment";
import { MetadataSchemaStack } from "../../src/stacks/metadata-schema-stack";

/** Adds both stacks of an environment, as the app does. */
export function addEnvironment(app: App, environment: Environment): void {
  new MetadataSchemaStack(app, new DataLakeStack(app, environment));
}
