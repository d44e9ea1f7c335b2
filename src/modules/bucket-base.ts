import { Construct } from "constructs";
import { Fn } from "cdktf";
import type { IDataLakeKey } from "./data-lake-key";
import type { IRole } from "./role";

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
   * Lets a role list and read the objects below a prefix, and decrypt them.
   * @param prefix without a slash at the end; left out, the whole bucket
   */
  grantRead(role: IRole, prefix?: string): void;
  /**
   * Lets a role write objects below a prefix, in parts too, and encrypt them.
   * @param prefix without a slash at the end; left out, the whole bucket
   */
  grantPut(role: IRole, prefix?: string): void;
  /**
   * Both {@link grantRead} and {@link grantPut}.
   * @param prefix without a slash at the end; left out, the whole bucket
   */
  grantReadWrite(role: IRole, prefix?: string): void;
  /**
   * Lets a role delete objects below a prefix. It can never delete a version, so that a deleted object can be had back.
   * @param prefix without a slash at the end; left out, the whole bucket
   */
  grantDelete(role: IRole, prefix?: string): void;
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

  grantRead(role: IRole, prefix?: string): void {
    this.grantList(role, prefix);
    this.grantOnObjects(role, READ_ACTIONS, prefix);
    this.encryptionKey?.grantDecrypt(role, "s3");
  }

  grantPut(role: IRole, prefix?: string): void {
    this.grantOnObjects(role, PUT_ACTIONS, prefix);
    this.encryptionKey?.grantEncryptDecrypt(role, "s3");
  }

  grantReadWrite(role: IRole, prefix?: string): void {
    this.grantList(role, prefix);
    this.grantOnObjects(role, [...READ_ACTIONS, ...PUT_ACTIONS], prefix);
    this.encryptionKey?.grantEncryptDecrypt(role, "s3");
  }

  grantDelete(role: IRole, prefix?: string): void {
    this.grantOnObjects(role, DELETE_ACTIONS, prefix);
  }

  /** The ARN of all objects below a prefix. */
  protected objectsArn(prefix?: string): string {
    return Fn.join("/", [this.bucketArn, ...(prefix === undefined ? [] : [prefix]), "*"]);
  }

  private grantOnObjects(role: IRole, actions: string[], prefix?: string): void {
    role.addToPolicy({ actions, resources: [this.objectsArn(prefix)] });
  }

  private grantList(role: IRole, prefix?: string): void {
    role.addToPolicy({ actions: ["s3:GetBucketLocation"], resources: [this.bucketArn] });
    role.addToPolicy({
      actions: ["s3:ListBucket"],
      resources: [this.bucketArn],
      conditions:
        prefix === undefined
          ? undefined
          : [{ test: "StringLike", variable: "s3:prefix", values: [prefix, `${prefix}/*`] }],
    });
  }
}
