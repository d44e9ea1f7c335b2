import { App } from "cdktf";
import { ValidationError } from "./modules/common/validation-error";
import { DataLakeStack } from "./stacks/data-lake-stack";
import { environments } from "./stacks/environments";
import { MetadataSchemaStack } from "./stacks/metadata-schema-stack";
import { StateBackendStack } from "./stacks/state-backend-stack";

try {
  const app = new App();
  for (const environment of environments(process.env)) {
    if (environment.stateBucketName !== undefined) new StateBackendStack(app, environment);
    new MetadataSchemaStack(app, new DataLakeStack(app, environment));
  }
  app.synth();
} catch (error) {
  if (!ValidationError.isValidationError(error)) throw error;
  console.error(`Error: ${error.message}`);
  process.exitCode = 1;
}
