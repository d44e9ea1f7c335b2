// Prints, as JSON, what `grantStart` of the backup and the purge job gives a role: the statements of its policy.
const { App, TerraformStack, Testing } = require("cdktf");
const { BackupGlueJob, DataLakeBucket, DataLakeNetwork, MetadataDatabase, PurgeGlueJob, Role } = require("../../../dist");

const stack = new TerraformStack(Testing.stubVersion(new App()), "airflow");
const bucket = new DataLakeBucket(stack, "Bucket");
const network = new DataLakeNetwork(stack, "Network");
const database = new MetadataDatabase(stack, "Database", { network });
const wiring = { bucket, network, database };
const airflow = Role.fromRoleName(stack, "Airflow", "airflow");
new BackupGlueJob(stack, "Backup", { ...wiring, scheduler: "external" }).grantStart(airflow);
new PurgeGlueJob(stack, "Purge", { ...wiring, olderThanDays: 90 }).grantStart(airflow);
const { aws_iam_policy_document: documents } = JSON.parse(Testing.synth(stack)).data;
const [name] = Object.keys(documents).filter((key) => key.startsWith("Airflow"));
console.log(JSON.stringify(documents[name].statement));
