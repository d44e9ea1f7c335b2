import { Annotations, App } from "cdktf";
import { ValidationError } from "./modules/common/validation-error";
import { DataLakeStack } from "./stacks/data-lake-stack";
import { environments } from "./stacks/environments";
import { MetadataSchemaStack } from "./stacks/metadata-schema-stack";
import { StateBackendStack } from "./stacks/state-backend-stack";

try {
  const app = new App();
  for (const environment of environments(process.env)) {
    const dataLake = new DataLakeStack(app, environment);
    new MetadataSchemaStack(app, dataLake);
    const { name, localEndpoints, stateBucketName } = environment;
    if (stateBucketName !== undefined) new StateBackendStack(app, environment);
    else if (localEndpoints === undefined) {
      const variable = `${name.toUpperCase()}_STATE_BUCKET`;
      // cdktf prints it before it says that it could not find the stack.
      Annotations.of(dataLake).addInfo(
        `${variable} is not set: state is a file, and there is no stack ${name}-state-backend; set it to the name of the bucket to make`,
      );
    }
  }
  app.synth();
} catch (error) {
  if (!ValidationError.isValidationError(error)) throw error;
  console.error(`Error: ${error.message}`);
  process.exitCode = 1;
}
