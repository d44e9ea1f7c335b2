// The environment "dev" as it is, and "full", which has every construct; CHANGED changes a setting of each.
const { App } = require("cdktf");
const { DataLakeStack } = require("./dist/stacks/data-lake-stack");
const { environments } = require("./dist/stacks/environments");
const { MetadataSchemaStack } = require("./dist/stacks/metadata-schema-stack");
const { StateBackendStack } = require("./dist/stacks/state-backend-stack");

const changed = process.env.CHANGED === "true";
const app = new App();
const dev = environments(process.env).find(({ name }) => name === "dev");
new MetadataSchemaStack(app, new DataLakeStack(app, dev));
new StateBackendStack(app, dev);
new DataLakeStack(app, {
  name: "full",
  region: "eu-central-1",
  protect: false,
  sampleData: false,
  alarms: { email: changed ? "b@example.org" : "a@example.org" },
  backup: {
    archiveOlderThanDays: changed ? 120 : 90,
    logRetentionDays: changed ? 90 : 400,
    numberOfWorkers: changed ? 3 : 2,
    schedule: changed ? "cron(0 4 ? * SUN *)" : "cron(0 3 ? * SUN *)",
  },
  bucket: { eventBridgeEnabled: changed, snapshotExpirationDays: changed ? 500 : 400 },
  database: {
    instanceClass: changed ? "db.t4g.small" : "db.t4g.micro",
    logRetentionDays: changed ? 90 : 400,
    parameters: changed ? [{ name: "max_connections", value: "50" }] : [],
  },
  imageUploaderUser: true,
  purge: { olderThanDays: changed ? 120 : 90 },
  webApp: { googleServiceAccountId: changed ? "104752890112345678902" : "104752890112345678901" },
});
app.synth();
