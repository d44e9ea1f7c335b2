import type { Construct } from "constructs";
import type { ITerraformDependable } from "cdktf";
import { S3BucketLifecycleConfiguration } from "@cdktf/provider-aws/lib/s3-bucket-lifecycle-configuration";
import { checkInteger } from "../common/checks";
import type { PrivateBucketProps } from "./private-bucket";
import { PrivateBucket } from "./private-bucket";

/** Properties of {@link AccessLogsBucket}. */
export interface AccessLogsBucketProps extends Omit<PrivateBucketProps, "encryptionKey"> {
  /**
   * Days after which a log file is deleted.
   * @default 400
   */
  readonly expirationDays?: number;
}

/**
 * Bucket for S3's server access logs. Encrypted with SSE-S3: S3 cannot deliver logs to a bucket whose default
 * is a KMS key.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
 */
export class AccessLogsBucket extends PrivateBucket {
  constructor(scope: Construct, id: string, props: AccessLogsBucketProps = {}) {
    super(scope, id, props);
    checkInteger(this, "expirationDays", props.expirationDays, 1, 3650);
    new S3BucketLifecycleConfiguration(this, "Lifecycle", {
      bucket: this.bucketName,
      rule: [
        {
          id: "expire-logs",
          status: "Enabled",
          filter: [{ prefix: "" }],
          expiration: [{ days: props.expirationDays ?? 400 }],
          noncurrentVersionExpiration: [{ noncurrentDays: 1 }],
          abortIncompleteMultipartUpload: [{ daysAfterInitiation: 1 }],
        },
      ],
      dependsOn: [this.versioning],
    });
  }

  /**
   * Lets S3 deliver the access logs of one bucket here, below a prefix without a slash at the end.
   * @returns what must be there before the delivery is turned on
   */
  allowLogDelivery(sourceBucketArn: string, prefix: string): ITerraformDependable {
    this.addToResourcePolicy({
      actions: ["s3:PutObject"],
      resources: [this.objectsArn(prefix)],
      principals: [{ type: "Service", identifiers: ["logging.s3.amazonaws.com"] }],
      conditions: [{ test: "ArnLike", variable: "aws:SourceArn", values: [sourceBucketArn] }],
    });
    return this.policy;
  }
}
