import { App } from "cdktf";
import { DataLakeStack, MetadataSchemaStack, StateBackendStack } from "cdktf-xray-data-lake/stacks";
import { environment } from "./environment";

const app = new App();
if (environment.stateBucketName !== undefined) new StateBackendStack(app, environment);
new MetadataSchemaStack(app, new DataLakeStack(app, environment));
app.synth();
