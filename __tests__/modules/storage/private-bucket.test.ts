import { PrivateBucket } from "../../../src/modules/storage/private-bucket";
import { DataLakeKey } from "../../../src/modules/common/data-lake-key";
import { refusal, synthesize } from "../../support/synth";

const bucket = "${aws_s3_bucket.Bucket.id}";

describe("PrivateBucket", () => {
  const stack = synthesize((scope) => void new PrivateBucket(scope, "Bucket"));

  it("is kept on destroy and named after its path", () => {
    expect(stack.resource("aws_s3_bucket")).toEqual({
      bucket_prefix: "test-bucket-",
      force_destroy: false,
      lifecycle: { prevent_destroy: true, ignore_changes: ["bucket_prefix"] },
    });
    expect(stack.warnings).toEqual([]);
  });

  it("blocks public access four-fold, takes no ACLs and keeps versions", () => {
    expect(stack.resource("aws_s3_bucket_public_access_block")).toEqual({
      bucket,
      block_public_acls: true,
      block_public_policy: true,
      ignore_public_acls: true,
      restrict_public_buckets: true,
    });
    expect(stack.resource("aws_s3_bucket_ownership_controls")).toMatchObject({
      bucket,
      rule: { object_ownership: "BucketOwnerEnforced" },
    });
    expect(stack.resource("aws_s3_bucket_versioning")).toEqual({
      bucket,
      versioning_configuration: { status: "Enabled" },
    });
  });

  it("encrypts with SSE-S3", () => {
    expect(stack.resource("aws_s3_bucket_server_side_encryption_configuration")).toEqual({
      bucket,
      rule: [{ apply_server_side_encryption_by_default: { sse_algorithm: "AES256" }, bucket_key_enabled: false }],
    });
  });

  it("refuses what does not come over TLS 1.2 or later, and applies the policy after the block", () => {
    const everything = {
      effect: "Deny",
      actions: ["s3:*"],
      resources: ["${aws_s3_bucket.Bucket.arn}", '${join("/", [aws_s3_bucket.Bucket.arn, "*"])}'],
      principals: [{ type: "AWS", identifiers: ["*"] }],
    };
    expect(stack.statements("Bucket_PolicyDocument")).toEqual([
      {
        ...everything,
        sid: "DenyInsecureTransport",
        condition: [{ test: "Bool", variable: "aws:SecureTransport", values: ["false"] }],
      },
      {
        ...everything,
        sid: "DenyOutdatedTls",
        condition: [{ test: "NumericLessThan", variable: "s3:TlsVersion", values: ["1.2"] }],
      },
      {
        ...everything,
        sid: "DenyCustomerProvidedKeys",
        actions: ["s3:PutObject"],
        resources: [everything.resources[1]],
        condition: [
          { test: "Null", variable: "s3:x-amz-server-side-encryption-customer-algorithm", values: ["false"] },
        ],
      },
    ]);
    expect(stack.resource("aws_s3_bucket_policy")).toEqual({
      bucket,
      policy: "${data.aws_iam_policy_document.Bucket_PolicyDocument.json}",
      depends_on: ["aws_s3_bucket_public_access_block.Bucket_PublicAccessBlock"],
    });
  });

  it("encrypts with a customer managed key and a bucket key", () => {
    const encrypted = synthesize((scope) => {
      const encryptionKey = DataLakeKey.fromKeyArn(scope, "Key", "arn:aws:kms:eu-central-1:123456789012:key/1");
      new PrivateBucket(scope, "Bucket", { encryptionKey });
    });
    expect(encrypted.resource("aws_s3_bucket_server_side_encryption_configuration").rule).toEqual([
      {
        apply_server_side_encryption_by_default: {
          kms_master_key_id: "arn:aws:kms:eu-central-1:123456789012:key/1",
          sse_algorithm: "aws:kms",
        },
        bucket_key_enabled: true,
      },
    ]);
  });

  it("takes a name, and can be destroyed with all that is in it", () => {
    const destroyable = synthesize((scope) => {
      new PrivateBucket(scope, "Bucket", { bucketName: "images-1", preventDestroy: false, forceDestroy: true });
    });
    expect(destroyable.resource("aws_s3_bucket")).toEqual({
      bucket: "images-1",
      force_destroy: true,
      lifecycle: { prevent_destroy: false },
    });
  });

  it.each(["ab", "Images", "images_1", "images.1", "-images", "images-", "xn--images", "sthree-1", "a".repeat(64)])(
    "refuses the name %s",
    (bucketName) => {
      expect(refusal((scope) => new PrivateBucket(scope, "Bucket", { bucketName }))).toBe(
        `test/Bucket: bucketName must be 3 to 63 lower-case letters, digits and hyphens that start and end with a letter ` +
          `or digit and do not begin or end as AWS's own names do, got "${bucketName}"`,
      );
    },
  );

  it.each(["images-s3alias", "images--ol-s3", "images--x-s3", "amzn-s3-demo-1"])(
    "refuses the name %s, which AWS keeps for itself",
    (bucketName) => {
      expect(refusal((scope) => new PrivateBucket(scope, "Bucket", { bucketName }))).toMatch(/as AWS's own names do/);
    },
  );
});
