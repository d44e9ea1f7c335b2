import type { TerraformStack } from "cdktf";
import { Fn, TerraformVariable } from "cdktf";
import { AccessLogsBucket } from "../../../src/modules/storage/access-logs-bucket";
import type { DataLakeBucketProps } from "../../../src/modules/storage/data-lake-bucket";
import { DataLakeBucket, PublicAccess } from "../../../src/modules/storage/data-lake-bucket";
import { ObjectLockMode } from "../../../src/modules/storage/object-lock";
import { DataLakeKey } from "../../../src/modules/common/data-lake-key";
import type { ImageTransition } from "../../../src/modules/storage/data-lake-lifecycle";
import { StorageClass } from "../../../src/modules/storage/data-lake-lifecycle";
import type { IRole } from "../../../src/modules/common/role";
import { Role } from "../../../src/modules/common/role";
import { refusal, synthesize } from "../../support/synth";

const lake = (props: DataLakeBucketProps = {}) => synthesize((scope) => void new DataLakeBucket(scope, "Lake", props));
const refused = (props: DataLakeBucketProps) => refusal((scope) => new DataLakeBucket(scope, "Lake", props));
const bucket = "${aws_s3_bucket.Lake.id}";

describe("defaults", () => {
  const stack = lake();

  it("makes the two folders as the S3 console does", () => {
    expect(stack.resource("aws_s3_object", "Lake_ImagesFolder")).toEqual({
      bucket,
      key: "xray-images/",
      content_type: "application/x-directory",
    });
    expect(stack.resource("aws_s3_object", "Lake_BackupFolder")).toMatchObject({ key: "backup/" });
  });

  const queryResults = {
    id: "query-results",
    status: "Enabled",
    filter: [{ prefix: "athena-results/" }],
    expiration: [{ days: 30 }],
    noncurrent_version_expiration: [{ noncurrent_days: 1 }],
  };

  it("moves images to colder storage, and deletes only old versions and unfinished uploads", () => {
    expect(stack.resource("aws_s3_bucket_lifecycle_configuration")).toEqual({
      bucket,
      rule: [
        {
          id: "abort-incomplete-uploads",
          status: "Enabled",
          filter: [{ prefix: "" }],
          abort_incomplete_multipart_upload: [{ days_after_initiation: 7 }],
        },
        {
          id: "images",
          status: "Enabled",
          filter: [{ prefix: "xray-images/" }],
          transition: [
            { storage_class: "STANDARD_IA", days: 90 },
            { storage_class: "GLACIER_IR", days: 365 },
          ],
          noncurrent_version_expiration: [{ noncurrent_days: 90 }],
        },
        {
          id: "snapshots",
          status: "Enabled",
          filter: [{ prefix: "backup/v1/snapshot/" }],
          noncurrent_version_expiration: [{ noncurrent_days: 90 }],
        },
        queryResults,
      ],
      depends_on: ["aws_s3_bucket_versioning.Lake_Versioning"],
    });
  });

  it("is private, without log, events or Object Lock", () => {
    expect(stack.statements("Lake_PolicyDocument").map(({ sid }) => sid)).toEqual([
      "DenyInsecureTransport",
      "DenyOutdatedTls",
      "DenyCustomerProvidedKeys",
    ]);
    for (const type of ["logging", "notification", "object_lock_configuration"]) {
      expect(stack.ids(`aws_s3_bucket_${type}`)).toEqual([]);
    }
    expect(stack.warnings).toEqual([]);
  });
});

describe("lifecycle", () => {
  it("takes other days and prefixes", () => {
    const { rule } = lake({
      imagesPrefix: "x/images",
      backupPrefix: "x/copies",
      abortIncompleteMultipartUploadDays: 1,
      imageTransitions: [],
      noncurrentVersionExpirationDays: 30,
      snapshotExpirationDays: 400,
    }).resource("aws_s3_bucket_lifecycle_configuration") as { rule: unknown };
    expect(rule).toMatchObject([
      { abort_incomplete_multipart_upload: [{ days_after_initiation: 1 }] },
      {
        filter: [{ prefix: "x/images/" }],
        transition: [],
        noncurrent_version_expiration: [{ noncurrent_days: 30 }],
      },
      { filter: [{ prefix: "x/copies/v1/snapshot/" }], expiration: [{ days: 400 }] },
      { id: "query-results" },
    ]);
  });

  it.each<[DataLakeBucketProps, string]>([
    [
      { abortIncompleteMultipartUploadDays: 0 },
      "abortIncompleteMultipartUploadDays must be a whole number from 1 to 365, got 0",
    ],
    [
      { noncurrentVersionExpirationDays: 1.5 },
      "noncurrentVersionExpirationDays must be a whole number from 1 to 36500, got 1.5",
    ],
    [{ snapshotExpirationDays: 34 }, "snapshotExpirationDays must be a whole number from 35 to 36500, got 34"],
  ])("refuses %j", (props, message) => expect(refused(props)).toBe(`test/Lake: ${message}`));

  const to = (storageClass: string, transitionAfterDays: number) =>
    ({ storageClass, transitionAfterDays }) as ImageTransition;
  it.each<[ImageTransition[], string]>([
    [
      [to("STANDARD_IA", 29)],
      "imageTransitions STANDARD_IA transitionAfterDays must be a whole number from 30 to 36500, got 29",
    ],
    [
      [to("STANDARD_IA", 30), to("GLACIER_IR", 59)],
      "imageTransitions must be 30 days apart, got GLACIER_IR after 59 days, the one before it after 30",
    ],
    [
      [to("GLACIER_IR", 90), to("STANDARD_IA", 365)],
      "imageTransitions must go from STANDARD_IA to INTELLIGENT_TIERING to GLACIER_IR, got STANDARD_IA after GLACIER_IR",
    ],
    [
      [to("STANDARD_IA", 90), to("STANDARD_IA", 365)],
      "imageTransitions must go from STANDARD_IA to INTELLIGENT_TIERING to GLACIER_IR, got STANDARD_IA after STANDARD_IA",
    ],
    [
      [to("GLACIER", 90)],
      'imageTransitions storageClass must be one of STANDARD_IA, INTELLIGENT_TIERING, GLACIER_IR, got "GLACIER"',
    ],
  ])("refuses the transitions %j", (imageTransitions, message) => {
    expect(refused({ imageTransitions })).toBe(`test/Lake: ${message}`);
  });

  it("takes every class on the way down", () => {
    const imageTransitions = Object.values(StorageClass).map((storageClass, index) => ({
      storageClass,
      transitionAfterDays: 30 * (index + 1),
    }));
    expect(refusal.bind(null, (scope) => new DataLakeBucket(scope, "Lake", { imageTransitions }))).toThrow(
      "expected a refusal",
    );
  });
});

describe("folders", () => {
  it.each(["", "/images", "images/", "a//b", "a b", "../a", "ä"])("refuses the prefix %j", (imagesPrefix) => {
    expect(refused({ imagesPrefix })).toBe(
      `test/Lake: imagesPrefix must be letters, digits, hyphens and underscores, with slashes only between them, got "${imagesPrefix}"`,
    );
  });

  // An image below backup/v1/snapshot would expire with the snapshots.
  it.each([
    ["same", "same"],
    ["backup/v1/snapshot", "backup"],
    ["data", "data/backup"],
  ])("refuses images in %s with backups in %s", (imagesPrefix, backupPrefix) => {
    expect(refused({ imagesPrefix, backupPrefix })).toBe(
      `test/Lake: imagesPrefix and backupPrefix must not be one inside the other, got "${imagesPrefix}" and "${backupPrefix}"`,
    );
  });

  // An uploader of images could replace the code that the backup job runs.
  it("refuses images in the folder of the job's code", () => {
    expect(refused({ imagesPrefix: "glue-assets" })).toBe(
      'test/Lake: imagesPrefix must not be in glue-assets, where code of the jobs or results of queries are, got "glue-assets"',
    );
  });

  it("takes a token for a prefix", () => {
    const stack = synthesize((scope) => {
      const folder = new TerraformVariable(scope, "folder", { type: "string" });
      new DataLakeBucket(scope, "Lake", { imagesPrefix: folder.stringValue });
    });
    expect(stack.resource("aws_s3_object", "Lake_ImagesFolder").key).toBe("${var.folder}/");
  });
});

describe("publicAccess", () => {
  it.each<[PublicAccess, string[], string]>([
    [
      "read",
      ["s3:GetObject", "s3:GetBucketLocation", "s3:ListBucket"],
      "list and download the X-ray images and the backups",
    ],
    [
      "read-write",
      ["s3:GetObject", "s3:GetBucketLocation", "s3:ListBucket", "s3:PutObject"],
      "list, download, upload and overwrite the X-ray images, the backups and the code that the backup job runs",
    ],
  ])("%s opens the bucket and warns", (publicAccess, actions, can) => {
    const stack = lake({ publicAccess });
    expect(stack.statements("Lake_PolicyDocument")[3]).toEqual({
      sid: "PublicAccess",
      actions,
      resources: ["${aws_s3_bucket.Lake.arn}", '${join("/", [aws_s3_bucket.Lake.arn, "*"])}'],
      principals: [{ type: "*", identifiers: ["*"] }],
    });
    expect(stack.resource("aws_s3_bucket_public_access_block")).toMatchObject({
      block_public_acls: true,
      ignore_public_acls: true,
      block_public_policy: false,
      restrict_public_buckets: false,
    });
    expect(stack.warnings).toEqual([`publicAccess "${publicAccess}": everybody on the internet can ${can}`]);
  });

  it("refuses a KMS key, with which S3 would answer nobody without an account", () => {
    const message = refusal((scope) => {
      const encryptionKey = DataLakeKey.fromKeyArn(scope, "Key", "arn:aws:kms:eu-central-1:123456789012:key/0a1b");
      new DataLakeBucket(scope, "Lake", { publicAccess: PublicAccess.READ, encryptionKey });
    });
    expect(message).toBe(
      'test/Lake: publicAccess must be "none" with an encryptionKey, got "read": S3 gives what KMS encrypts to signed ' +
        "requests only, leave one out",
    );
  });

  it("refuses another word", () => {
    expect(refused({ publicAccess: "write" as PublicAccess })).toBe(
      'test/Lake: publicAccess must be one of none, read, read-write, got "write"',
    );
  });
});

describe("objectLockDefaultRetention", () => {
  it("locks each new version", () => {
    const stack = lake({ objectLockDefaultRetention: { mode: ObjectLockMode.COMPLIANCE, days: 3650 } });
    expect(stack.resource("aws_s3_bucket")).toMatchObject({ object_lock_enabled: true });
    expect(stack.resource("aws_s3_bucket_object_lock_configuration")).toEqual({
      bucket,
      rule: { default_retention: { mode: "COMPLIANCE", days: 3650 } },
      depends_on: ["aws_s3_bucket_versioning.Lake_Versioning"],
    });
  });

  it("refuses other modes and no days", () => {
    expect(refused({ objectLockDefaultRetention: { mode: "LEGAL" as ObjectLockMode, days: 1 } })).toBe(
      'test/Lake: objectLockDefaultRetention.mode must be one of GOVERNANCE, COMPLIANCE, got "LEGAL"',
    );
    expect(refused({ objectLockDefaultRetention: { mode: ObjectLockMode.GOVERNANCE, days: 0 } })).toBe(
      "test/Lake: objectLockDefaultRetention.days must be a whole number from 1 to 36500, got 0",
    );
  });
});

test("serverAccessLogsPrefix is a folder, without a slash at its end", () => {
  expect(refusal((scope) => new DataLakeBucket(scope, "Lake", { serverAccessLogsPrefix: "lake/" }))).toBe(
    "test/Lake: serverAccessLogsPrefix must be letters, digits, dots, hyphens and underscores, with slashes only between " +
      'them, got "lake/"',
  );
});

test("serverAccessLogsBucket gets the logs, after it lets S3 deliver them", () => {
  const stack = synthesize((scope) => {
    const serverAccessLogsBucket = new AccessLogsBucket(scope, "Logs");
    new DataLakeBucket(scope, "Lake", { serverAccessLogsBucket, serverAccessLogsPrefix: "lake" });
  });
  expect(stack.resource("aws_s3_bucket_logging")).toEqual({
    bucket,
    target_bucket: "${aws_s3_bucket.Logs.id}",
    target_prefix: "lake/",
    depends_on: ["aws_s3_bucket_policy.Logs_Policy"],
  });
  expect(stack.statements("Logs_PolicyDocument")[3]).toEqual({
    actions: ["s3:PutObject"],
    resources: ['${join("/", [aws_s3_bucket.Logs.arn, "lake", "*"])}'],
    principals: [{ type: "Service", identifiers: ["logging.s3.amazonaws.com"] }],
    condition: [{ test: "ArnLike", variable: "aws:SourceArn", values: ["${aws_s3_bucket.Lake.arn}"] }],
  });
});

test("eventBridgeEnabled tells EventBridge", () => {
  expect(lake({ eventBridgeEnabled: true }).resource("aws_s3_bucket_notification")).toEqual({
    bucket,
    eventbridge: true,
  });
});

describe("grants", () => {
  const arn = "arn:aws:kms:eu-central-1:123456789012:key/1";
  const granted = (grant: (lakeBucket: DataLakeBucket, role: IRole) => void, encrypted = false) =>
    synthesize((scope: TerraformStack) => {
      const encryptionKey = encrypted ? DataLakeKey.fromKeyArn(scope, "Key", arn) : undefined;
      const role = new Role(scope, "App", { assumedBy: { type: "Service", identifiers: ["ec2.amazonaws.com"] } });
      grant(new DataLakeBucket(scope, "Lake", { encryptionKey }), role);
    }).statements("App_Policy");
  const bucketArn = "${aws_s3_bucket.Lake.arn}";
  const objects = (prefix: string) => `\${join("/", [aws_s3_bucket.Lake.arn, "${prefix}", "*"])}`;
  const viaS3 = (actions: string[]) => ({
    actions,
    resources: [arn],
    condition: [
      {
        test: "StringEquals",
        variable: "kms:ViaService",
        values: [`s3.\${element(split(":", "${arn}"), 3)}.amazonaws.com`],
      },
    ],
  });

  it("read: lists and reads below the prefix, decrypts through S3", () => {
    expect(granted((it, role) => it.grantRead(role, "xray-images"), true)).toEqual([
      { actions: ["s3:GetBucketLocation"], resources: [bucketArn] },
      {
        actions: ["s3:ListBucket"],
        resources: [bucketArn],
        condition: [{ test: "StringLike", variable: "s3:prefix", values: ["xray-images", "xray-images/*"] }],
      },
      { actions: ["s3:GetObject"], resources: [objects("xray-images")] },
      viaS3(["kms:Decrypt", "kms:DescribeKey"]),
    ]);
  });

  it("put: writes in parts too, encrypts through S3, lists nothing", () => {
    expect(granted((it, role) => it.grantPut(role, "xray-images"), true)).toEqual([
      {
        actions: ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
        resources: [objects("xray-images")],
      },
      viaS3(["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"]),
    ]);
  });

  it("readWrite of the whole bucket: no condition on the prefix, no key where there is none", () => {
    expect(granted((it, role) => it.grantReadWrite(role))).toEqual([
      { actions: ["s3:GetBucketLocation"], resources: [bucketArn] },
      { actions: ["s3:ListBucket"], resources: [bucketArn] },
      {
        actions: ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
        resources: ['${join("/", [aws_s3_bucket.Lake.arn, "*"])}'],
      },
    ]);
  });

  it("delete: objects, never versions", () => {
    expect(granted((it, role) => it.grantDelete(role, "a"))).toEqual([
      { actions: ["s3:DeleteObject"], resources: [objects("a")] },
    ]);
  });
});

describe("fromBucketName", () => {
  it.each(["arn:aws:s3:::theirs", "s3://theirs", "theirs/images", ""])("refuses %j, which is no name", (bucketName) => {
    expect(refusal((scope) => DataLakeBucket.fromBucketName(scope, "Lake", bucketName))).toBe(
      `test/Lake: bucketName must be a bucket's name, without s3:// and without an ARN, got "${bucketName}"`,
    );
  });

  it("makes nothing, and grants by the partition's ARN", () => {
    const stack = synthesize((scope) => {
      const role = new Role(scope, "App", { assumedBy: { type: "Service", identifiers: ["ec2.amazonaws.com"] } });
      const imported = DataLakeBucket.fromBucketName(scope, "Lake", "theirs", { backupPrefix: "copies" });
      expect([imported.imagesPrefix, imported.backupPrefix]).toEqual(["xray-images", "copies"]);
      imported.grantDelete(role, "a");
    });
    expect(stack.ids("aws_s3_bucket")).toEqual([]);
    expect(stack.statements("App_Policy")[0]?.resources).toEqual([
      '${join("/", ["arn:${data.aws_partition.Lake_Partition.partition}:s3:::theirs", "a", "*"])}',
    ]);
  });

  it("refuses prefixes as the constructor does, and takes a token for the name", () => {
    expect(refusal((scope) => DataLakeBucket.fromBucketName(scope, "Lake", "theirs", { imagesPrefix: "a/" }))).toMatch(
      /^test\/Lake: imagesPrefix must be letters/,
    );
    const stack = synthesize((scope) => {
      const name = Fn.lower(new TerraformVariable(scope, "name", { type: "string" }).stringValue);
      DataLakeBucket.fromBucketName(scope, "Lake", name);
    });
    expect(stack.warnings).toEqual([]);
  });
});
