import { Construct } from "constructs";
import { TerraformStack } from "cdktf";
import { S3BucketLifecycleConfiguration } from "@cdktf/provider-aws/lib/s3-bucket-lifecycle-configuration";
import { checkConstruct, checkPattern } from "../common/checks";
import { arnScope } from "../common/expression";
import type { IGrantee } from "../common/grantee";
import type { PolicyCondition, PolicyStatement } from "../common/policy-document";
import type { Role } from "../common/role";
import type { GrantEraseOptions, IBackupBucket, IEraser } from "./bucket-base";
import { checkPrefix } from "./bucket-prefix";
import { BackupReplication, type IReplicaBucket } from "./backup-replication";
import { type BackupLifecycleProps, backupLifecycleRules } from "./data-lake-lifecycle";
import { ObjectLockMode, type ObjectLockRetention } from "./object-lock";
import type { PrivateBucketProps, ServerAccessLogsProps } from "./private-bucket";
import { PrivateBucket } from "./private-bucket";

/** Properties of {@link BackupBucket}. */
export interface BackupBucketProps extends PrivateBucketProps, ServerAccessLogsProps, BackupLifecycleProps {
  /**
   * Folder of the backups, without a slash at the end.
   * @default "backup"
   */
  readonly backupPrefix?: string;
  /**
   * Time for which each new version of an object is locked against deletion.
   * @default - 365 days of ObjectLockMode.GOVERNANCE
   * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
   */
  readonly objectLockDefaultRetention?: ObjectLockRetention;
  /**
   * Bucket in another region or account that gets a copy of each new object, with its lock. A bucket of another account must
   * let this one's role in, see `allowReplicationFrom`.
   * @default - no copy
   */
  readonly replicaBucket?: IReplicaBucket;
}

const DEFAULT_RETENTION: ObjectLockRetention = { mode: ObjectLockMode.GOVERNANCE, days: 365 };

/**
 * A bucket for backups alone, in which nobody can replace or delete one: Object Lock keeps each version of an object for a
 * time, and the bucket's policy refuses a write over an object, the deletion of a version and the bypass of a lock, whatever
 * the rights of who asks. Roles that may erase data are exempt, see `grantErase`.
 *
 * @example
 * new BackupBucket(this, "Backups", { encryptionKey: key, snapshotExpirationDays: 400 });
 */
export class BackupBucket extends PrivateBucket implements IBackupBucket {
  readonly backupPrefix: string;
  /**
   * The role that S3 copies new objects to `replicaBucket` with.
   * @default - none
   */
  readonly replicationRole?: Role;

  private readonly erasers: string[] = [];
  private readonly bypassers: string[] = [];
  /** Terraform deletes the locked versions of a bucket that it empties. */
  private readonly keepsVersions: boolean;

  constructor(scope: Construct, id: string, props: BackupBucketProps = {}) {
    super(scope, id, props, { objectLockEnabled: true });
    this.backupPrefix = checkPrefix(this, "backupPrefix", props.backupPrefix ?? "backup");
    this.keepsVersions = !props.forceDestroy;
    this.addObjectLock(props.objectLockDefaultRetention ?? DEFAULT_RETENTION);
    new S3BucketLifecycleConfiguration(this, "Lifecycle", {
      bucket: this.bucketName,
      rule: backupLifecycleRules(this, this.backupPrefix, props),
      dependsOn: [this.versioning],
    });
    this.addAccessLogs(props, "backups");
    this.addToResourcePolicy(...this.keepStatements());
    if (props.replicaBucket) {
      this.replicationRole = new BackupReplication(this, "Replication", {
        bucketName: this.bucketName,
        bucketArn: this.bucketArn,
        encryptionKey: this.encryptionKey,
        replica: props.replicaBucket,
        versioning: this.versioning,
      }).role;
    }
  }

  /**
   * Lets the role of another account's bucket write its copies here. A key that was made elsewhere must let it encrypt by its
   * own policy. Within one account nothing is needed: the role's own policy is enough.
   * @param roleArn the other bucket's `replicationRole.roleArn`; it must be known at synth, so give that role's bucket first
   */
  allowReplicationFrom(roleArn: string): void {
    checkPattern(
      this,
      "roleArn",
      (roleArn as string | undefined) ?? "",
      /^arn:aws(-us-gov)?:iam::\d{12}:role\/[\w+=,.@/-]+$/,
      "the ARN of the other bucket's replicationRole, such as arn:aws:iam::123456789012:role/backups",
    );
    // The account and not the role, which AWS would refuse while it is not there yet.
    const { account, partition } = arnScope(roleArn);
    const from = {
      principals: [{ type: "AWS", identifiers: [`arn:${partition}:iam::${account}:root`] }],
      conditions: [{ test: "ArnEquals", variable: "aws:PrincipalArn", values: [roleArn] }],
    };
    this.addToResourcePolicy({
      ...from,
      actions: ["s3:ReplicateObject", "s3:ReplicateTags"],
      resources: [this.objectsArn()],
    });
    this.encryptionKey?.addToResourcePolicy?.({
      ...from,
      actions: ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"],
      resources: ["*"],
    });
  }

  /** As {@link grantCreate}: nothing here is ever written over. */
  override grantPut(grantee: IGrantee, prefix?: string): void {
    this.grantCreate(grantee, prefix);
  }

  override grantReadWrite(grantee: IGrantee, prefix?: string): void {
    this.grantRead(grantee, prefix);
    this.grantCreate(grantee, prefix);
  }

  override grantErase(grantee: IEraser, options: GrantEraseOptions = {}): void {
    checkConstruct(this, "grantee", grantee, "roleArn", "a Role that this package makes, whose ARN the policy names");
    super.grantErase(grantee, options);
    const arn = this.arnForPolicy(grantee);
    this.erasers.push(arn);
    if (options.bypassGovernanceRetention) this.bypassers.push(arn);
    for (const statement of this.keepStatements()) this.policyDocument.replace(statement);
  }

  /**
   * A role of another stack refers to this bucket, so that this stack cannot refer to the role: its name does. Any account
   * may stand before it, since the policy lets no other account delete.
   */
  private arnForPolicy(role: IEraser): string {
    const { roleArn, roleArnPattern = roleArn } = role;
    const sameStack = !Construct.isConstruct(role) || TerraformStack.of(role) === TerraformStack.of(this);
    return sameStack ? roleArn : roleArnPattern;
  }

  private keepStatements(): PolicyStatement[] {
    const deny = {
      effect: "Deny",
      resources: [this.objectsArn()],
      principals: [{ type: "AWS", identifiers: ["*"] }],
    };
    return [
      {
        ...deny,
        // A multipart upload makes its object at its end; its beginning and its parts take no conditional header.
        // https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
        sid: "DenyOverwrite",
        actions: ["s3:PutObject"],
        conditions: [
          { test: "Null", variable: "s3:if-none-match", values: ["true"] },
          { test: "Bool", variable: "s3:ObjectCreationOperation", values: ["true"] },
          ...exempt(this.erasers),
        ],
      },
      {
        ...deny,
        // An object under another key, which is then disabled, is as lost as a deleted one, and no lock stops that.
        // https://docs.aws.amazon.com/AmazonS3/latest/API/API_UpdateObjectEncryption.html
        sid: "DenyReencryption",
        actions: ["s3:UpdateObjectEncryption"],
      },
      ...(this.keepsVersions
        ? [
            {
              ...deny,
              sid: "DenyDeletion",
              actions: ["s3:DeleteObject", "s3:DeleteObjectVersion"],
              conditions: exempt(this.erasers),
            },
            {
              ...deny,
              sid: "DenyBypassOfLock",
              actions: ["s3:BypassGovernanceRetention"],
              conditions: exempt(this.bypassers),
            },
          ]
        : []),
    ];
  }
}

/** For an assumed role `aws:PrincipalArn` is the ARN of the role. */
function exempt(roleArns: string[]): PolicyCondition[] {
  return roleArns.length === 0
    ? []
    : [{ test: "ArnNotEquals", variable: "aws:PrincipalArn", values: [...new Set(roleArns)] }];
}
