import { App } from "cdktf";
import { DataLakeStack } from "cdktf-xray-data-lake/stacks/data-lake-stack";
import { MetadataSchemaStack } from "cdktf-xray-data-lake/stacks/metadata-schema-stack";
import { environment } from "./environment";

const app = new App();
new MetadataSchemaStack(app, new DataLakeStack(app, environment));
app.synth();
