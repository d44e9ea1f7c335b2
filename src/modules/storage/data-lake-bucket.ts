import { Annotations, Fn, TerraformStack, Token } from "cdktf";
import type { Construct } from "constructs";
import { DataAwsPartition } from "@cdktf/provider-aws/lib/data-aws-partition";
import { S3BucketLifecycleConfiguration } from "@cdktf/provider-aws/lib/s3-bucket-lifecycle-configuration";
import { S3BucketLoggingA } from "@cdktf/provider-aws/lib/s3-bucket-logging";
import { S3BucketNotification } from "@cdktf/provider-aws/lib/s3-bucket-notification";
import { S3BucketObjectLockConfigurationA } from "@cdktf/provider-aws/lib/s3-bucket-object-lock-configuration";
import { S3Object } from "@cdktf/provider-aws/lib/s3-object";
import type { AccessLogsBucket } from "./access-logs-bucket";
import type { IBucket } from "./bucket-base";
import { BucketBase } from "./bucket-base";
import { checkConstructProps } from "../common/construct-props";
import { type AwsConstructProps, applyAwsProps } from "../common/aws-provider";
import { checkInteger, checkOneOf, checkPattern } from "../common/checks";
import type { DataLakeLifecycleProps } from "./data-lake-lifecycle";
import { ATHENA_RESULTS_PREFIX, dataLakeLifecycleRules } from "./data-lake-lifecycle";
import type { IDataLakeKey } from "../common/data-lake-key";
import type { PrivateBucketProps } from "./private-bucket";
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

/** Strength of an object lock. */
export const ObjectLockMode = {
  /** Those with `s3:BypassGovernanceRetention` can delete a locked version before its time. */
  GOVERNANCE: "GOVERNANCE",
  /** Nobody can delete one before its time, not even the account's root user. */
  COMPLIANCE: "COMPLIANCE",
} as const;
/** A value of {@link ObjectLockMode}. */
export type ObjectLockMode = (typeof ObjectLockMode)[keyof typeof ObjectLockMode];

/** Time for which each new version of an object is locked against deletion. */
export interface ObjectLockRetention {
  /** Strength of the lock until then. */
  readonly mode: ObjectLockMode;
  /** Days from the version's creation, 1 to 36,500. */
  readonly days: number;
}

/** A data lake's bucket, made here or elsewhere. */
export interface IDataLakeBucket extends IBucket {
  /** Folder of the images, without a slash at the end. */
  readonly imagesPrefix: string;
  /** Folder of the backups, without a slash at the end. */
  readonly backupPrefix: string;
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
export interface DataLakeBucketProps extends PrivateBucketProps, DataLakePrefixes, DataLakeLifecycleProps {
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
  /**
   * Bucket for S3's server access logs: each request, with its sender and object.
   * @default - no access log
   */
  readonly serverAccessLogsBucket?: AccessLogsBucket;
  /**
   * The folder for this bucket's logs, without a slash at the end.
   * @default "data-lake"
   */
  readonly serverAccessLogsPrefix?: string;
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
    checkConstructProps(this, props, [], ["serverAccessLogsBucket"]);
    this.addFolder("ImagesFolder", this.imagesPrefix);
    this.addFolder("BackupFolder", this.backupPrefix);
    this.addPublicAccess(publicAccess);
    this.addObjectLock(props.objectLockDefaultRetention);
    new S3BucketLifecycleConfiguration(this, "Lifecycle", {
      bucket: this.bucketName,
      rule: dataLakeLifecycleRules(this, this.imagesPrefix, this.backupPrefix, props),
      dependsOn: [this.versioning],
    });
    checkPattern(
      this,
      "serverAccessLogsPrefix",
      props.serverAccessLogsPrefix,
      /^[A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+)*$/,
      "letters, digits, dots, hyphens and underscores, with slashes only between them",
    );
    if (props.serverAccessLogsBucket) {
      this.addAccessLogs(props.serverAccessLogsBucket, props.serverAccessLogsPrefix ?? "data-lake");
    }
    if (props.eventBridgeEnabled) {
      new S3BucketNotification(this, "Notification", { bucket: this.bucketName, eventbridge: true });
    }
  }

  private addAccessLogs(logs: AccessLogsBucket, prefix: string): void {
    const sameStack = TerraformStack.of(logs) === TerraformStack.of(this);
    // This stack reads the name of the log bucket, so that the log bucket's stack cannot read the name of this one. It
    // lets in the name as it is known at synth; S3 itself delivers to buckets of the same account only.
    const partition = Fn.element(Fn.split(":", logs.bucketArn), 1) as string;
    const source = sameStack ? this.bucketArn : `arn:${partition}:s3:::${this.namePattern}`;
    const delivery = logs.allowLogDelivery(source, prefix);
    new S3BucketLoggingA(this, "Logging", {
      bucket: this.bucketName,
      targetBucket: logs.bucketName,
      targetPrefix: `${prefix}/`,
      dependsOn: sameStack ? [delivery] : [],
    });
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

  private addObjectLock(retention: ObjectLockRetention | undefined): void {
    if (retention === undefined) return;
    checkOneOf(this, "objectLockDefaultRetention.mode", retention.mode, Object.values(ObjectLockMode));
    checkInteger(this, "objectLockDefaultRetention.days", retention.days, 1, 36_500);
    new S3BucketObjectLockConfigurationA(this, "ObjectLock", {
      bucket: this.bucketName,
      rule: { defaultRetention: { mode: retention.mode, days: retention.days } },
      dependsOn: [this.versioning],
    });
  }
}

/** The prefixes with their defaults; throws where a lifecycle rule or a right for one would reach into the other. */
function checkedPrefixes(scope: Construct, props: DataLakePrefixes): Required<DataLakePrefixes> {
  const { imagesPrefix = "xray-images", backupPrefix = "backup" } = props;
  for (const [prop, prefix] of Object.entries({ imagesPrefix, backupPrefix })) {
    checkPattern(
      scope,
      prop,
      prefix,
      /^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*$/,
      "letters, digits, hyphens and underscores, with slashes only between them",
    );
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
