import { Construct } from "constructs";
import { Fn } from "cdktf";
import { expressionString, terraformLiteral } from "../common/expression";
import type { IDataLakeKey } from "../common/data-lake-key";
import type { IGrantee } from "../common/grantee";
import type { PolicyCondition } from "../common/policy-document";

/** A role, known by its ARN, that can be given rights. */
export interface IEraser extends IGrantee {
  /** The role's ARN. */
  readonly roleArn: string;
  /**
   * The ARN as far as it is known at synth, with asterisks for the rest. The policy of a bucket in another stack has it, since
   * that stack cannot refer to the role.
   * @default - `roleArn`
   */
  readonly roleArnPattern?: string;
}

/** Reach of a right to erase. */
export interface GrantEraseOptions {
  /**
   * Lets the role also delete versions under Object Lock's governance before their time, each by a request that says so.
   * @default false
   */
  readonly bypassGovernanceRetention?: boolean;
  /**
   * Folder of the objects, without a slash at the end.
   * @default - the whole bucket
   */
  readonly prefix?: string;
}

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
   * Lets a role or user write objects below a prefix that are not there yet, in parts too, and encrypt them: each request says
   * `If-None-Match: *`, so that S3 itself refuses one that would replace an object.
   * @param prefix without a slash at the end; left out, the whole bucket
   * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
   */
  grantCreate(grantee: IGrantee, prefix?: string): void;
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
  /**
   * Lets a role erase data for good: list, read and delete every version of an object, and write the object again, each time
   * over the version that it names by `If-Match`.
   */
  grantErase(grantee: IEraser, options?: GrantEraseOptions): void;
}

/** A bucket with a folder of backups, made here or elsewhere. */
export interface IBackupBucket extends IBucket {
  /** Folder of the backups, without a slash at the end. */
  readonly backupPrefix: string;
}

const READ_ACTIONS = ["s3:GetObject"];
// A multipart upload is begun, continued and given up with these: https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
const MULTIPART_ACTIONS = ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"];
const PUT_ACTIONS = ["s3:PutObject", ...MULTIPART_ACTIONS];
const DELETE_ACTIONS = ["s3:DeleteObject"];
// S3 shows a lock or a hold only to who may read it: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
const ERASE_ACTIONS = [
  "s3:DeleteObjectVersion",
  "s3:GetObject",
  "s3:GetObjectLegalHold",
  "s3:GetObjectRetention",
  "s3:GetObjectVersion",
];

const hasHeader = (header: string): PolicyCondition => ({ test: "Null", variable: `s3:${header}`, values: ["false"] });
/** Holds for the beginning and the parts of a multipart upload, which take no conditional header: its end makes the object. */
const MAKES_NO_OBJECT: PolicyCondition = { test: "Bool", variable: "s3:ObjectCreationOperation", values: ["false"] };

/** The grants that all buckets share. */
export abstract class BucketBase extends Construct implements IBucket {
  abstract readonly bucketName: string;
  abstract readonly bucketArn: string;
  abstract readonly encryptionKey?: IDataLakeKey;

  grantList(grantee: IGrantee, prefix?: string): void {
    this.grantListing(grantee, ["s3:ListBucket"], prefix);
  }

  private grantListing(grantee: IGrantee, actions: string[], prefix?: string): void {
    grantee.addToPolicy({ actions: ["s3:GetBucketLocation"], resources: [this.bucketArn] });
    grantee.addToPolicy({
      actions,
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

  grantCreate(grantee: IGrantee, prefix?: string): void {
    this.grantOnObjects(grantee, ["s3:PutObject"], prefix, [hasHeader("if-none-match")]);
    this.grantOnObjects(grantee, ["s3:PutObject"], prefix, [MAKES_NO_OBJECT]);
    this.grantOnObjects(grantee, MULTIPART_ACTIONS, prefix);
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

  grantErase(grantee: IEraser, { bypassGovernanceRetention = false, prefix }: GrantEraseOptions = {}): void {
    this.grantListing(grantee, ["s3:ListBucket", "s3:ListBucketVersions"], prefix);
    this.grantOnObjects(grantee, ERASE_ACTIONS, prefix);
    this.grantCreate(grantee, prefix);
    this.grantOnObjects(grantee, ["s3:PutObject"], prefix, [hasHeader("if-match")]);
    if (bypassGovernanceRetention) this.grantOnObjects(grantee, ["s3:BypassGovernanceRetention"], prefix);
  }

  /** The ARN of all objects below a prefix. */
  protected objectsArn(prefix?: string): string {
    return Fn.join("/", [this.bucketArn, ...(prefix === undefined ? [] : [expressionString(prefix)]), "*"]);
  }

  private grantOnObjects(grantee: IGrantee, actions: string[], prefix?: string, conditions?: PolicyCondition[]): void {
    grantee.addToPolicy({ actions, resources: [this.objectsArn(prefix)], ...(conditions && { conditions }) });
  }
}
