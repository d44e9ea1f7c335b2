// Copied beside a copy of dist, which a build meanwhile does not change. The environment "local", and the same one guarded: what a deploy to AWS would be, on the servers of a test.
const { App } = require("cdktf");
const { DataLakeStack } = require("./dist/stacks/data-lake-stack");
const { environments } = require("./dist/stacks/environments");
const { MetadataSchemaStack } = require("./dist/stacks/metadata-schema-stack");

const app = new App();
const local = {
  ...environments(process.env).find(({ name }) => name === "local"),
  bastion: {},
  // A change that would replace the database.
  ...(process.env.MASTER_USERNAME && { database: { masterUsername: process.env.MASTER_USERNAME } }),
  webApp: { googleServiceAccountId: "104752890112345678901" },
};
new MetadataSchemaStack(app, new DataLakeStack(app, local));
new DataLakeStack(app, { ...local, name: "guarded", protect: true });
app.synth();
