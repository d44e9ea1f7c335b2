// Prints what the constructs write for the slide registry of examples/own-data-model: the jobs, and the rights of their users.
const path = require("node:path");
const { AwsProvider } = require("@cdktf/provider-aws/lib/provider");
const { TerraformStack, Testing } = require("cdktf");
const lake = require("../../../dist");

const example = path.join(__dirname, "..", "..", "..", "examples", "own-data-model");
const dataModel = lake.DataModel.fromFile(path.join(example, "data-model.json"));
const policies = [{ anchorTable: "slide", timeColumn: "scanned_at" }];

const stack = new TerraformStack(Testing.app(), "registry");
new AwsProvider(stack, "aws", { region: "eu-central-1" });
const network = new lake.DataLakeNetwork(stack, "Network");
const job = {
  bucket: new lake.DataLakeBucket(stack, "Bucket"),
  database: new lake.MetadataDatabase(stack, "Database", { network }),
  network,
  dataModel,
  policies,
};
new lake.BackupGlueJob(stack, "backup", { ...job, archiveOlderThanDays: 365 });
new lake.PurgeGlueJob(stack, "purge", { ...job, olderThanDays: 365 });
new lake.RestoreGlueJob(stack, "restore", job);

const secret = { username: "u", secretArn: "arn", passwordVersion: 1 };
const rights = ({ privilegesByTable, onEveryTable, readsDefinition }) => ({
  tables: Object.fromEntries(privilegesByTable),
  everyTable: onEveryTable,
  readsDefinition,
});
const users = {
  backup: rights(lake.SchemaUser.backup(secret, { dataModel })),
  purge: rights(lake.SchemaUser.purge(secret, { dataModel, policies })),
  restore: rights(lake.SchemaUser.restore(secret, { dataModel })),
};
process.stdout.write(JSON.stringify({ stack: JSON.parse(Testing.synth(stack)), users }));
