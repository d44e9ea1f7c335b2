import { Construct } from "constructs";
import { Fn } from "cdktf";
import { expressionString, terraformLiteral } from "../common/expression";
import type { IDataLakeKey } from "../common/data-lake-key";
import type { IGrantee } from "../common/grantee";

/** A bucket, made here or elsewhere, on which rights can be granted. */
export interface IBucket {
  /** The bucket's name. */
  readonly bucketName: string;
  /** The bucket's ARN. */
  readonly bucketArn: string;
  /**
   * The customer managed key that the bucket's objects are encrypted with.
   * @default - S3's or AWS's own key
   */
  readonly encryptionKey?: IDataLakeKey;
  /**
   * Lets a role or user list the objects below a prefix: their names, not what is in them.
   * @param prefix without a slash at the end; left out, the whole bucket
   */
  grantList(grantee: IGrantee, prefix?: string): void;
  /**
   * Lets a role or user list and read the objects below a prefix, and decrypt them.
   * @param prefix without a slash at the end; left out, the whole bucket
   */
  grantRead(grantee: IGrantee, prefix?: string): void;
  /**
   * Lets a role or user write objects below a prefix, in parts too, and encrypt them.
   * @param prefix without a slash at the end; left out, the whole bucket
   */
  grantPut(grantee: IGrantee, prefix?: string): void;
  /**
   * Both {@link grantRead} and {@link grantPut}.
   * @param prefix without a slash at the end; left out, the whole bucket
   */
  grantReadWrite(grantee: IGrantee, prefix?: string): void;
  /**
   * Lets a role or user delete objects below a prefix. It can never delete a version, so that a deleted object can be had
   * back.
   * @param prefix without a slash at the end; left out, the whole bucket
   */
  grantDelete(grantee: IGrantee, prefix?: string): void;
}

const READ_ACTIONS = ["s3:GetObject"];
// A multipart upload is begun, continued and given up with these: https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
const PUT_ACTIONS = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"];
const DELETE_ACTIONS = ["s3:DeleteObject"];

/** The grants that all buckets share. */
export abstract class BucketBase extends Construct implements IBucket {
  abstract readonly bucketName: string;
  abstract readonly bucketArn: string;
  abstract readonly encryptionKey?: IDataLakeKey;

  grantList(grantee: IGrantee, prefix?: string): void {
    grantee.addToPolicy({ actions: ["s3:GetBucketLocation"], resources: [this.bucketArn] });
    grantee.addToPolicy({
      actions: ["s3:ListBucket"],
      resources: [this.bucketArn],
      conditions:
        prefix === undefined
          ? undefined
          : [{ test: "StringLike", variable: "s3:prefix", values: [prefix, `${prefix}/*`].map(terraformLiteral) }],
    });
  }

  grantRead(grantee: IGrantee, prefix?: string): void {
    this.grantList(grantee, prefix);
    this.grantOnObjects(grantee, READ_ACTIONS, prefix);
    this.encryptionKey?.grantDecrypt(grantee, "s3");
  }

  grantPut(grantee: IGrantee, prefix?: string): void {
    this.grantOnObjects(grantee, PUT_ACTIONS, prefix);
    this.encryptionKey?.grantEncryptDecrypt(grantee, "s3");
  }

  grantReadWrite(grantee: IGrantee, prefix?: string): void {
    this.grantList(grantee, prefix);
    this.grantOnObjects(grantee, [...READ_ACTIONS, ...PUT_ACTIONS], prefix);
    this.encryptionKey?.grantEncryptDecrypt(grantee, "s3");
  }

  grantDelete(grantee: IGrantee, prefix?: string): void {
    this.grantOnObjects(grantee, DELETE_ACTIONS, prefix);
  }

  /** The ARN of all objects below a prefix. */
  protected objectsArn(prefix?: string): string {
    return Fn.join("/", [this.bucketArn, ...(prefix === undefined ? [] : [expressionString(prefix)]), "*"]);
  }

  private grantOnObjects(grantee: IGrantee, actions: string[], prefix?: string): void {
    grantee.addToPolicy({ actions, resources: [this.objectsArn(prefix)] });
  }
}
