// A stack that is deployed in seconds, with what cdktf writes in each of its ways: blocks, an asset, a text of several lines, an
// ephemeral resource. Run in the folder of a project; AWS_ENDPOINT_URL names the emulator.
const path = require("node:path");
const { App, AssetType, TerraformAsset, TerraformOutput, TerraformStack } = require("cdktf");
const { AwsProvider } = require("@cdktf/provider-aws/lib/provider");
const { S3Object } = require("@cdktf/provider-aws/lib/s3-object");
const { SecretsmanagerSecret } = require("@cdktf/provider-aws/lib/secretsmanager-secret");
const { SecretsmanagerSecretVersion } = require("@cdktf/provider-aws/lib/secretsmanager-secret-version");
const lake = require(path.join(__dirname, "..", "..", "..", "dist"));

const stack = new TerraformStack(new App(), "small-lake");
new AwsProvider(stack, "aws", {
  region: "eu-central-1",
  s3UsePathStyle: true,
  skipCredentialsValidation: true,
  skipMetadataApiCheck: "true",
});
const encryptionKey = new lake.DataLakeKey(stack, "Key");
const bucket = new lake.PrivateBucket(stack, "Bucket", { encryptionKey });
const role = new lake.Role(stack, "Reader", { assumedBy: { type: "AWS", identifiers: ["123456789012"] } });
bucket.grantRead(role);
const code = new TerraformAsset(stack, "Code", { path: path.join(__dirname, "small-lake.js"), type: AssetType.FILE });
new S3Object(stack, "Script", {
  bucket: bucket.bucketName,
  key: "script.js",
  source: code.path,
  sourceHash: code.assetHash,
});
const password = new lake.EphemeralResource(stack, "Password", {
  type: "aws_secretsmanager_random_password",
  arguments: { password_length: 32 },
});
const secret = new SecretsmanagerSecret(stack, "Secret", { description: "A log-in" });
new SecretsmanagerSecretVersion(stack, "Version", {
  secretId: secret.id,
  secretStringWo: password.attribute("random_password"),
  secretStringWoVersion: 1,
});
new TerraformOutput(stack, "bucket", { value: bucket.bucketName, staticId: true });
stack.node.root.synth();
