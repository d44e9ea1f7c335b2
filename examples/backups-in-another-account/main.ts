// The backups of a lake, copied to a bucket of another account: whoever takes over the lake's account cannot reach the copies.
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { App, TerraformOutput, TerraformStack } from "cdktf";
import { BackupBucket, DataLakeBucket, DataLakeKey, ObjectLockMode } from "cdktf-xray-data-lake";
import type { Construct } from "constructs";

const region = "eu-central-1";
const accounts = { lake: "111111111111", vault: "222222222222" };

/** The provider of an account: the deployer's role there, which the person who runs Terraform may assume. */
function addProvider(stack: TerraformStack, account: keyof typeof accounts): void {
  const roleArn = `arn:aws:iam::${accounts[account]}:role/deployer`;
  new AwsProvider(stack, "aws", { region, assumeRole: [{ roleArn }] });
}

/** Deployed first: it knows the lake's role by its name, which derives from the construct's path. */
class VaultStack extends TerraformStack {
  readonly copies: BackupBucket;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    addProvider(this, "vault");
    this.copies = new BackupBucket(this, "Copies", {
      encryptionKey: new DataLakeKey(this, "Key"),
      objectLockDefaultRetention: { mode: ObjectLockMode.COMPLIANCE, days: 400 },
    });
    this.copies.allowReplicationFrom(`arn:aws:iam::${accounts.lake}:role/lake-backups-replication-role-${region}`);
  }
}

class LakeStack extends TerraformStack {
  constructor(scope: Construct, id: string, vault: VaultStack) {
    super(scope, id);
    addProvider(this, "lake");
    const encryptionKey = new DataLakeKey(this, "Key");
    new DataLakeBucket(this, "Bucket", { encryptionKey });
    const backups = new BackupBucket(this, "Backups", { encryptionKey, replicaBucket: vault.copies });
    new TerraformOutput(this, "replication_role", { value: backups.replicationRole?.roleArn, staticId: true });
  }
}

const app = new App();
new LakeStack(app, "lake", new VaultStack(app, "vault"));
app.synth();
