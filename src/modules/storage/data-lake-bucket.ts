import { Annotations, Token } from "cdktf";
import type { Construct } from "constructs";
import { DataAwsPartition } from "@cdktf/provider-aws/lib/data-aws-partition";
import { S3BucketLifecycleConfiguration } from "@cdktf/provider-aws/lib/s3-bucket-lifecycle-configuration";
import { S3BucketNotification } from "@cdktf/provider-aws/lib/s3-bucket-notification";
import { S3Object } from "@cdktf/provider-aws/lib/s3-object";
import type { IBackupBucket } from "./bucket-base";
import { BucketBase } from "./bucket-base";
import { checkPrefix } from "./bucket-prefix";
import { type AwsConstructProps, applyAwsProps } from "../common/aws-provider";
import { checkOneOf, checkPattern } from "../common/checks";
import type { DataLakeLifecycleProps } from "./data-lake-lifecycle";
import { ATHENA_RESULTS_PREFIX, dataLakeLifecycleRules } from "./data-lake-lifecycle";
import type { IDataLakeKey } from "../common/data-lake-key";
import type { ObjectLockRetention } from "./object-lock";
import type { PrivateBucketProps, ServerAccessLogsProps } from "./private-bucket";
import { PrivateBucket } from "./private-bucket";
import { ValidationError } from "../common/validation-error";

/** Rights of everybody on the internet. */
export const PublicAccess = {
  /** Nothing. */
  NONE: "none",
  /** Find, list and download every object. */
  READ: "read",
  /** The same, and upload and overwrite objects. */
  READ_WRITE: "read-write",
} as const;
/** A value of {@link PublicAccess}. */
export type PublicAccess = (typeof PublicAccess)[keyof typeof PublicAccess];

/** A data lake's bucket, made here or elsewhere. */
export interface IDataLakeBucket extends IBackupBucket {
  /** Folder of the images, without a slash at the end. */
  readonly imagesPrefix: string;
}

/** The folders of a data lake's bucket. */
export interface DataLakePrefixes {
  /**
   * Folder of the images, into which the web app uploads, without a slash at the end.
   * @default "xray-images"
   */
  readonly imagesPrefix?: string;
  /**
   * Folder of the backups, without a slash at the end.
   * @default "backup"
   */
  readonly backupPrefix?: string;
}

/** Attributes of a bucket that was made elsewhere. */
export interface DataLakeBucketAttributes extends DataLakePrefixes, AwsConstructProps {
  /**
   * The customer managed key that the bucket's objects are encrypted with.
   * @default - none
   */
  readonly encryptionKey?: IDataLakeKey;
}

/** Properties of {@link DataLakeBucket}. */
export interface DataLakeBucketProps
  extends PrivateBucketProps, ServerAccessLogsProps, DataLakePrefixes, DataLakeLifecycleProps {
  /**
   * Sends an event to EventBridge for each new or deleted object.
   * @default false
   */
  readonly eventBridgeEnabled?: boolean;
  /**
   * Keeps each new version of every object, images included, from deletion for a time. Once on, it cannot be turned off.
   * @default - no Object Lock
   * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
   */
  readonly objectLockDefaultRetention?: ObjectLockRetention;
  /**
   * Rights of everybody on the internet; anything but NONE warns at synth, and is refused with an `encryptionKey`.
   * @default PublicAccess.NONE
   */
  readonly publicAccess?: PublicAccess;
}

/** The folder of the jobs' code, beside the images and the backups. */
export const GLUE_ASSETS_PREFIX = "glue-assets";

const READ_ACTIONS = ["s3:GetObject", "s3:GetBucketLocation", "s3:ListBucket"];
const PUBLIC_ACTIONS: Record<PublicAccess, string[]> = {
  none: [],
  read: READ_ACTIONS,
  "read-write": [...READ_ACTIONS, "s3:PutObject"],
};

/**
 * The bucket of the images and of the backups: private, versioned, encrypted, over TLS only, and kept on destroy.
 *
 * @example
 * new DataLakeBucket(this, "Lake", { encryptionKey: key, snapshotExpirationDays: 400 });
 */
export class DataLakeBucket extends PrivateBucket implements IDataLakeBucket {
  /** A bucket that was made elsewhere: nothing is changed on it, rights on it can be granted. */
  static fromBucketName(
    scope: Construct,
    id: string,
    bucketName: string,
    attributes: DataLakeBucketAttributes = {},
  ): IDataLakeBucket {
    class Import extends BucketBase implements IDataLakeBucket {
      readonly bucketName = bucketName;
      readonly bucketArn = `arn:${new DataAwsPartition(this, "Partition").partition}:s3:::${bucketName}`;
      readonly encryptionKey = attributes.encryptionKey;
      readonly imagesPrefix: string;
      readonly backupPrefix: string;

      constructor() {
        super(scope, id);
        applyAwsProps(this, attributes);
        checkPattern(
          this,
          "bucketName",
          bucketName,
          /^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$/,
          "a bucket's name, without s3:// and without an ARN",
        );
        ({ imagesPrefix: this.imagesPrefix, backupPrefix: this.backupPrefix } = checkedPrefixes(this, attributes));
      }
    }
    return new Import();
  }

  readonly imagesPrefix: string;
  readonly backupPrefix: string;

  constructor(scope: Construct, id: string, props: DataLakeBucketProps = {}) {
    const publicAccess = props.publicAccess ?? PublicAccess.NONE;
    super(scope, id, props, {
      objectLockEnabled: props.objectLockDefaultRetention !== undefined,
      publicPolicy: publicAccess !== PublicAccess.NONE,
    });
    ({ imagesPrefix: this.imagesPrefix, backupPrefix: this.backupPrefix } = checkedPrefixes(this, props));
    this.addFolder("ImagesFolder", this.imagesPrefix);
    this.addFolder("BackupFolder", this.backupPrefix);
    this.addPublicAccess(publicAccess);
    if (props.objectLockDefaultRetention) this.addObjectLock(props.objectLockDefaultRetention);
    new S3BucketLifecycleConfiguration(this, "Lifecycle", {
      bucket: this.bucketName,
      rule: dataLakeLifecycleRules(this, this.imagesPrefix, this.backupPrefix, props),
      dependsOn: [this.versioning],
    });
    this.addAccessLogs(props, "data-lake");
    if (props.eventBridgeEnabled) {
      new S3BucketNotification(this, "Notification", { bucket: this.bucketName, eventbridge: true });
    }
  }

  /** Makes the object of the S3 console's "Create folder": empty, with a slash at the end of its key. */
  private addFolder(id: string, prefix: string): void {
    new S3Object(this, id, { bucket: this.bucketName, key: `${prefix}/`, contentType: "application/x-directory" });
  }

  private addPublicAccess(publicAccess: PublicAccess): void {
    checkOneOf(this, "publicAccess", publicAccess, Object.values(PublicAccess));
    if (publicAccess === PublicAccess.NONE || Token.isUnresolved(publicAccess)) return;
    if (this.encryptionKey !== undefined) {
      throw new ValidationError(
        this,
        `publicAccess must be "none" with an encryptionKey, got "${publicAccess}": S3 gives what KMS encrypts to signed ` +
          "requests only, leave one out",
      );
    }
    this.addToResourcePolicy({
      sid: "PublicAccess",
      actions: PUBLIC_ACTIONS[publicAccess],
      resources: [this.bucketArn, this.objectsArn()],
      principals: [{ type: "*", identifiers: ["*"] }],
    });
    const can =
      publicAccess === PublicAccess.READ
        ? "list and download the X-ray images and the backups"
        : "list, download, upload and overwrite the X-ray images, the backups and the code that the backup job runs";
    Annotations.of(this).addWarning(`publicAccess "${publicAccess}": everybody on the internet can ${can}`);
  }
}

/** The prefixes with their defaults; throws where a lifecycle rule or a right for one would reach into the other. */
function checkedPrefixes(scope: Construct, props: DataLakePrefixes): Required<DataLakePrefixes> {
  const { imagesPrefix = "xray-images", backupPrefix = "backup" } = props;
  for (const [prop, prefix] of Object.entries({ imagesPrefix, backupPrefix })) {
    checkPrefix(scope, prop, prefix);
    for (const taken of [GLUE_ASSETS_PREFIX, ATHENA_RESULTS_PREFIX]) {
      if (!isInside(prefix, taken)) continue;
      throw new ValidationError(
        scope,
        `${prop} must not be in ${taken}, where code of the jobs or results of queries are, got "${prefix}"`,
      );
    }
  }
  if (isInside(imagesPrefix, backupPrefix) || isInside(backupPrefix, imagesPrefix)) {
    throw new ValidationError(
      scope,
      `imagesPrefix and backupPrefix must not be one inside the other, got "${imagesPrefix}" and "${backupPrefix}"`,
    );
  }
  return { imagesPrefix, backupPrefix };
}

function isInside(prefix: string, folder: string): boolean {
  return `${prefix}/`.startsWith(`${folder}/`);
}
