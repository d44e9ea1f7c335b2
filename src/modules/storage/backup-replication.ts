import { Construct } from "constructs";
import type { ITerraformDependable } from "cdktf";
import { S3BucketReplicationConfigurationA } from "@cdktf/provider-aws/lib/s3-bucket-replication-configuration";
import { checkConstruct, checkPattern } from "../common/checks";
import type { IDataLakeKey } from "../common/data-lake-key";
import { arnScope } from "../common/expression";
import { Role } from "../common/role";
import { ValidationError } from "../common/validation-error";

/** The other side of a replication: a {@link BackupBucket} in another region or account, or what is known of one. */
export interface IReplicaBucket {
  /** The bucket's ARN. */
  readonly bucketArn: string;
  /**
   * The key that copies are encrypted with, of the other bucket's region.
   * @default - S3's own key; not allowed where this bucket has a key
   */
  readonly encryptionKey?: Pick<IDataLakeKey, "keyArn">;
}

/** Properties of {@link BackupReplication}. */
interface BackupReplicationProps {
  /** Name of the bucket whose objects are copied. */
  readonly bucketName: string;
  /** ARN of that bucket. */
  readonly bucketArn: string;
  /**
   * The key of that bucket.
   * @default - S3's own key
   */
  readonly encryptionKey?: IDataLakeKey;
  /** The other side. */
  readonly replica: IReplicaBucket;
  /** The versioning of that bucket, without which S3 takes no replication. */
  readonly versioning: ITerraformDependable;
}

/**
 * Copies each new object of a bucket to another one. Deletions are not copied: what is deleted on one side stays on the other.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html
 */
export class BackupReplication extends Construct {
  /** The role that S3 copies with; the other side's bucket lets it in by its ARN. */
  readonly role: Role;

  constructor(scope: Construct, id: string, props: BackupReplicationProps) {
    super(scope, id);
    const { bucketName, bucketArn, encryptionKey, replica } = props;
    checkConstruct(scope, "replicaBucket", replica, "bucketArn", "a BackupBucket, or its bucketArn and encryptionKey");
    checkPattern(
      scope,
      "replicaBucket.bucketArn",
      replica.bucketArn,
      /^arn:aws(-us-gov)?:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
      "the ARN of a bucket, such as arn:aws:s3:::backups-of-the-other-region",
    );
    if ((encryptionKey === undefined) !== (replica.encryptionKey === undefined)) {
      const [has, lacks] =
        encryptionKey === undefined ? ["replicaBucket", "this bucket"] : ["this bucket", "replicaBucket"];
      throw new ValidationError(
        scope,
        `replicaBucket must be encrypted as this bucket is, got an encryptionKey of ${has} and none of ${lacks}: S3 copies ` +
          "what KMS encrypts under a key of the other side only",
      );
    }
    this.role = new Role(this, "Role", {
      assumedBy: { type: "Service", identifiers: ["s3.amazonaws.com"] },
      description: "Copies backups to another bucket",
    });
    this.role.addToPolicy({ actions: ["s3:GetReplicationConfiguration", "s3:ListBucket"], resources: [bucketArn] });
    this.role.addToPolicy({
      // The last two are asked for with Object Lock.
      actions: [
        "s3:GetObjectVersionForReplication",
        "s3:GetObjectVersionAcl",
        "s3:GetObjectVersionTagging",
        "s3:GetObjectLegalHold",
        "s3:GetObjectRetention",
      ],
      resources: [`${bucketArn}/*`],
    });
    this.role.addToPolicy({
      actions: ["s3:ReplicateObject", "s3:ReplicateTags"],
      resources: [`${replica.bucketArn}/*`],
    });
    encryptionKey?.grantDecrypt(this.role, "s3");
    if (replica.encryptionKey) this.grantEncrypt(replica.encryptionKey.keyArn);
    new S3BucketReplicationConfigurationA(this, "Resource", {
      bucket: bucketName,
      role: this.role.roleArn,
      rule: [
        {
          id: "backups",
          status: "Enabled",
          filter: {},
          deleteMarkerReplication: { status: "Disabled" },
          ...(replica.encryptionKey && {
            sourceSelectionCriteria: { sseKmsEncryptedObjects: { status: "Enabled" } },
          }),
          destination: {
            bucket: replica.bucketArn,
            ...(replica.encryptionKey && {
              encryptionConfiguration: { replicaKmsKeyId: replica.encryptionKey.keyArn },
            }),
          },
        },
      ],
      dependsOn: [props.versioning],
    });
  }

  /** S3 encrypts under the other side's key; with its bucket key it also reads that one. */
  private grantEncrypt(keyArn: string): void {
    this.role.addToPolicy({
      actions: ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"],
      resources: [keyArn],
      conditions: [
        { test: "StringEquals", variable: "kms:ViaService", values: [`s3.${arnScope(keyArn).region}.amazonaws.com`] },
      ],
    });
  }
}
