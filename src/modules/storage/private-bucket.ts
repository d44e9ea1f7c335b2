import type { Construct } from "constructs";
import { Fn, TerraformStack } from "cdktf";
import { S3Bucket } from "@cdktf/provider-aws/lib/s3-bucket";
import { S3BucketLoggingA } from "@cdktf/provider-aws/lib/s3-bucket-logging";
import { S3BucketObjectLockConfigurationA } from "@cdktf/provider-aws/lib/s3-bucket-object-lock-configuration";
import { S3BucketOwnershipControls } from "@cdktf/provider-aws/lib/s3-bucket-ownership-controls";
import { S3BucketPolicy } from "@cdktf/provider-aws/lib/s3-bucket-policy";
import { S3BucketPublicAccessBlock } from "@cdktf/provider-aws/lib/s3-bucket-public-access-block";
import { S3BucketServerSideEncryptionConfigurationA } from "@cdktf/provider-aws/lib/s3-bucket-server-side-encryption-configuration";
import { S3BucketVersioningA } from "@cdktf/provider-aws/lib/s3-bucket-versioning";
import type { AccessLogsBucket } from "./access-logs-bucket";
import { BucketBase } from "./bucket-base";
import { checkConstructProps } from "../common/construct-props";
import { type AwsConstructProps, applyAwsProps } from "../common/aws-provider";
import { checkInteger, checkOneOf, checkPattern } from "../common/checks";
import type { IDataLakeKey } from "../common/data-lake-key";
import { keepNames } from "../common/kept-name";
import { ObjectLockMode, type ObjectLockRetention } from "./object-lock";
import { physicalName } from "../common/physical-name";
import type { PolicyStatement } from "../common/policy-document";
import { PolicyDocument } from "../common/policy-document";
import { ValidationError } from "../common/validation-error";

/** Properties that every bucket of this package has. */
export interface PrivateBucketProps extends AwsConstructProps {
  /**
   * The bucket's name, unique in all of AWS: 3 to 63 lower-case letters, digits and hyphens.
   * @default - Terraform makes a unique name that starts with the construct's path
   * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
   */
  readonly bucketName?: string;
  /**
   * The KMS key that objects are encrypted with, with a bucket key so that KMS is not called for each object.
   * @default - SSE-S3, with a key that S3 manages
   */
  readonly encryptionKey?: IDataLakeKey;
  /**
   * Makes Terraform refuse to destroy the bucket.
   * @default true
   */
  readonly preventDestroy?: boolean;
  /**
   * Deletes every object and every version on destroy. Takes effect only with `preventDestroy: false`.
   * @default false
   */
  readonly forceDestroy?: boolean;
}

/** Properties of a bucket whose access is logged. */
export interface ServerAccessLogsProps {
  /**
   * Bucket for S3's server access logs: each request, with its sender and object.
   * @default - no access log
   */
  readonly serverAccessLogsBucket?: AccessLogsBucket;
  /**
   * The folder for this bucket's logs, without a slash at the end.
   * @default - "data-lake" for a DataLakeBucket, "backups" for a BackupBucket
   */
  readonly serverAccessLogsPrefix?: string;
}

/** Options that subclasses set, not users. */
interface BucketTraits {
  /**
   * Allows object lock, which S3 takes only when the bucket is made.
   * @default false
   */
  readonly objectLockEnabled?: boolean;
  /**
   * Allows a bucket policy that grants rights to everybody.
   * @default false
   */
  readonly publicPolicy?: boolean;
}

/**
 * A versioned, encrypted bucket that nobody but its account reaches, over TLS 1.2 or later, without ACLs.
 *
 * Public access is blocked four-fold, see
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
 */
export class PrivateBucket extends BucketBase {
  /** The generated resource, for what this construct does not model. */
  readonly resource: S3Bucket;
  /** The bucket's name, which may be known only after an apply. */
  readonly bucketName: string;
  /** The bucket's ARN. */
  readonly bucketArn: string;
  /**
   * The customer managed key that the bucket's objects are encrypted with.
   * @default - SSE-S3, with a key that S3 manages
   */
  readonly encryptionKey?: IDataLakeKey;
  /** The name as it is known at synth, with an asterisk for what Terraform adds to it. */
  private readonly namePattern: string;
  /** The versioning configuration; what needs a versioned bucket waits for it. */
  protected readonly versioning: S3BucketVersioningA;

  /** The bucket's policy in force; what needs a right that it gives waits for it. */
  protected readonly policy: S3BucketPolicy;

  /** The statements of that policy. */
  protected readonly policyDocument: PolicyDocument;

  constructor(scope: Construct, id: string, props: PrivateBucketProps = {}, traits: BucketTraits = {}) {
    super(scope, id);
    applyAwsProps(this, props);
    checkConstructProps(this, props, [], ["encryptionKey"]);
    checkPattern(
      this,
      "bucketName",
      props.bucketName,
      /^(?!xn--|sthree-|amzn-s3-demo-)[a-z0-9][a-z0-9-]{1,61}[a-z0-9](?<!-s3alias|--ol-s3|--x-s3|--table-s3)$/,
      "3 to 63 lower-case letters, digits and hyphens that start and end with a letter or digit and do not begin or " +
        "end as AWS's own names do",
    );
    this.encryptionKey = props.encryptionKey;
    // S3 keeps names that begin so for itself.
    const bucketPrefix = `${physicalName(this, 36)}-`.replace(/^(xn--|sthree-|amzn-s3-demo-)/, "x-$1").slice(-37);
    this.namePattern = props.bucketName ?? `${bucketPrefix}*`;
    this.resource = new S3Bucket(this, "Resource", {
      bucket: props.bucketName,
      bucketPrefix: props.bucketName === undefined ? bucketPrefix : undefined,
      objectLockEnabled: traits.objectLockEnabled,
      forceDestroy: props.forceDestroy ?? false,
      lifecycle: { preventDestroy: props.preventDestroy ?? true },
    });
    if (props.bucketName === undefined) keepNames(this.resource, "bucket_prefix");
    const bucket = this.resource.id;
    this.bucketName = bucket;
    this.bucketArn = this.resource.arn;

    const publicAccessBlock = new S3BucketPublicAccessBlock(this, "PublicAccessBlock", {
      bucket,
      blockPublicAcls: true,
      ignorePublicAcls: true,
      blockPublicPolicy: !traits.publicPolicy,
      restrictPublicBuckets: !traits.publicPolicy,
    });
    new S3BucketOwnershipControls(this, "OwnershipControls", {
      bucket,
      rule: { objectOwnership: "BucketOwnerEnforced" },
      dependsOn: [publicAccessBlock],
    });
    this.versioning = new S3BucketVersioningA(this, "Versioning", {
      bucket,
      versioningConfiguration: { status: "Enabled" },
    });
    new S3BucketServerSideEncryptionConfigurationA(this, "Encryption", {
      bucket,
      rule: [
        {
          applyServerSideEncryptionByDefault: props.encryptionKey
            ? { sseAlgorithm: "aws:kms", kmsMasterKeyId: props.encryptionKey.keyArn }
            : { sseAlgorithm: "AES256" },
          bucketKeyEnabled: props.encryptionKey !== undefined,
        },
      ],
    });
    this.policyDocument = new PolicyDocument(this, "PolicyDocument", this.denyStatements());
    this.policy = new S3BucketPolicy(this, "Policy", {
      bucket,
      policy: this.policyDocument.json,
      // AWS refuses a public policy while the block is on, and a policy and the block at once conflict.
      dependsOn: [publicAccessBlock],
    });
  }

  /** Adds statements to the bucket's policy. */
  addToResourcePolicy(...statements: PolicyStatement[]): void {
    this.policyDocument.add(...statements);
  }

  /** Has S3 deliver the bucket's access logs, below a folder that is `defaultPrefix` where the props name none. */
  protected addAccessLogs(props: ServerAccessLogsProps, defaultPrefix: string): void {
    checkConstructProps(this, props, [], ["serverAccessLogsBucket"]);
    checkPattern(
      this,
      "serverAccessLogsPrefix",
      props.serverAccessLogsPrefix,
      /^[A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+)*$/,
      "letters, digits, dots, hyphens and underscores, with slashes only between them",
    );
    const { serverAccessLogsBucket: logs, serverAccessLogsPrefix: prefix = defaultPrefix } = props;
    if (logs === undefined) return;
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

  /** Locks each new version of every object for a time. */
  protected addObjectLock(retention: ObjectLockRetention): void {
    const { mode, days }: Partial<ObjectLockRetention> = retention;
    if (mode === undefined || days === undefined) {
      throw new ValidationError(
        this,
        `objectLockDefaultRetention must have a mode and days, got ${JSON.stringify(retention)}`,
      );
    }
    checkOneOf(this, "objectLockDefaultRetention.mode", mode, Object.values(ObjectLockMode));
    checkInteger(this, "objectLockDefaultRetention.days", days, 1, 36_500);
    new S3BucketObjectLockConfigurationA(this, "ObjectLock", {
      bucket: this.bucketName,
      rule: { defaultRetention: { mode, days } },
      dependsOn: [this.versioning],
    });
  }

  private denyStatements(): PolicyStatement[] {
    const deny = {
      effect: "Deny",
      actions: ["s3:*"],
      resources: [this.bucketArn, this.objectsArn()],
      principals: [{ type: "AWS", identifiers: ["*"] }],
    };
    return [
      {
        ...deny,
        sid: "DenyInsecureTransport",
        conditions: [{ test: "Bool", variable: "aws:SecureTransport", values: ["false"] }],
      },
      {
        ...deny,
        sid: "DenyOutdatedTls",
        conditions: [{ test: "NumericLessThan", variable: "s3:TlsVersion", values: ["1.2"] }],
      },
      {
        ...deny,
        // A key that comes with the request: whoever took somebody's credential would keep it, and ask money for it.
        // https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
        sid: "DenyCustomerProvidedKeys",
        actions: ["s3:PutObject"],
        resources: [this.objectsArn()],
        conditions: [
          {
            test: "Null",
            variable: "s3:x-amz-server-side-encryption-customer-algorithm",
            values: ["false"],
          },
        ],
      },
    ];
  }
}
