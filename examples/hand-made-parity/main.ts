import { App } from "cdktf";
import { DataLakeStack } from "cdktf-xray-data-lake/stacks/data-lake-stack";
import { MetadataSchemaStack } from "cdktf-xray-data-lake/stacks/metadata-schema-stack";
import { StateBackendStack } from "cdktf-xray-data-lake/stacks/state-backend-stack";
import { environment } from "./environment";

const app = new App();
if (environment.stateBucketName !== undefined) new StateBackendStack(app, environment);
new MetadataSchemaStack(app, new DataLakeStack(app, environment));
app.synth();
