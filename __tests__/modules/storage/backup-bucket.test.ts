import type { TerraformStack } from "cdktf";
import type { BackupBucketProps } from "../../../src/modules/storage/backup-bucket";
import { BackupBucket } from "../../../src/modules/storage/backup-bucket";
import { Role } from "../../../src/modules/common/role";
import { DataLakeBucket } from "../../../src/modules/storage/data-lake-bucket";
import { ObjectLockMode, type ObjectLockRetention } from "../../../src/modules/storage/object-lock";
import { refusal, synthesize } from "../../support/synth";

const backups = (props: BackupBucketProps = {}) =>
  synthesize((scope) => void new BackupBucket(scope, "Backups", props));
const role = (scope: TerraformStack, id: string) =>
  new Role(scope, id, { assumedBy: { type: "Service", identifiers: ["glue.amazonaws.com"] } });
const bucketArn = "${aws_s3_bucket.Backups.arn}";
const below = (folder: string) => `\${join("/", [aws_s3_bucket.Backups.arn, "${folder}", "*"])}`;
const objects = '${join("/", [aws_s3_bucket.Backups.arn, "*"])}';
const deny = { effect: "Deny", resources: [objects], principals: [{ type: "AWS", identifiers: ["*"] }] };

describe("defaults", () => {
  const stack = backups();

  it("locks each version for a year", () => {
    expect(stack.resource("aws_s3_bucket")).toMatchObject({
      object_lock_enabled: true,
      force_destroy: false,
      lifecycle: { prevent_destroy: true },
    });
    expect(stack.resource("aws_s3_bucket_object_lock_configuration")).toMatchObject({
      rule: { default_retention: { mode: "GOVERNANCE", days: 365 } },
    });
  });

  it("refuses a write over an object, a deletion and a bypass of the lock to everybody", () => {
    expect(stack.statements("Backups_PolicyDocument").slice(3)).toEqual([
      {
        ...deny,
        sid: "DenyOverwrite",
        actions: ["s3:PutObject"],
        condition: [
          { test: "Null", variable: "s3:if-none-match", values: ["true"] },
          { test: "Bool", variable: "s3:ObjectCreationOperation", values: ["true"] },
        ],
      },
      { ...deny, sid: "DenyReencryption", actions: ["s3:UpdateObjectEncryption"] },
      { ...deny, sid: "DenyDeletion", actions: ["s3:DeleteObject", "s3:DeleteObjectVersion"] },
      { ...deny, sid: "DenyBypassOfLock", actions: ["s3:BypassGovernanceRetention"] },
    ]);
  });

  it("lets nothing but old versions of snapshots and unfinished uploads expire", () => {
    const { rule } = stack.resource("aws_s3_bucket_lifecycle_configuration") as { rule: unknown };
    expect(rule).toEqual([
      {
        id: "abort-incomplete-uploads",
        status: "Enabled",
        filter: [{ prefix: "" }],
        abort_incomplete_multipart_upload: [{ days_after_initiation: 7 }],
      },
      {
        id: "snapshots",
        status: "Enabled",
        filter: [{ prefix: "backup/v1/snapshot/" }],
        noncurrent_version_expiration: [{ noncurrent_days: 90 }],
      },
    ]);
  });
});

it("takes compliance, another time, another folder", () => {
  const stack = backups({
    backupPrefix: "copies",
    objectLockDefaultRetention: { mode: ObjectLockMode.COMPLIANCE, days: 30 },
    snapshotExpirationDays: 400,
  });
  expect(stack.resource("aws_s3_bucket_object_lock_configuration")).toMatchObject({
    rule: { default_retention: { mode: "COMPLIANCE", days: 30 } },
  });
  expect(stack.resource("aws_s3_bucket_lifecycle_configuration")).toMatchObject({
    rule: [{}, { filter: [{ prefix: "copies/v1/snapshot/" }], expiration: [{ days: 400 }] }],
  });
});

it("lets Terraform empty a bucket that it may destroy, and nobody write over an object", () => {
  const stack = backups({ preventDestroy: false, forceDestroy: true });
  expect(stack.statements("Backups_PolicyDocument").map(({ sid }) => sid)).toEqual([
    "DenyInsecureTransport",
    "DenyOutdatedTls",
    "DenyCustomerProvidedKeys",
    "DenyOverwrite",
    "DenyReencryption",
  ]);
});

it.each<[BackupBucketProps, string]>([
  [
    { backupPrefix: "/backup" },
    'backupPrefix must be letters, digits, hyphens and underscores, with slashes only between them, got "/backup"',
  ],
  [
    { objectLockDefaultRetention: { mode: ObjectLockMode.COMPLIANCE, days: 0 } },
    "objectLockDefaultRetention.days must be a whole number from 1 to 36500, got 0",
  ],
  [
    { objectLockDefaultRetention: {} as ObjectLockRetention },
    "objectLockDefaultRetention must have a mode and days, got {}",
  ],
  [
    { objectLockDefaultRetention: { days: 30 } as ObjectLockRetention },
    'objectLockDefaultRetention must have a mode and days, got {"days":30}',
  ],
])("refuses %j", (props, message) =>
  expect(refusal((scope) => new BackupBucket(scope, "Backups", props))).toBe(`test/Backups: ${message}`),
);

describe("grants", () => {
  const rightsOf = (grant: (bucket: BackupBucket, grantee: Role) => void) =>
    synthesize((scope) => grant(new BackupBucket(scope, "Backups"), role(scope, "Job"))).statements("Job_Policy");
  const create = [
    {
      actions: ["s3:PutObject"],
      resources: [below("backup/v1")],
      condition: [{ test: "Null", variable: "s3:if-none-match", values: ["false"] }],
    },
    {
      actions: ["s3:PutObject"],
      resources: [below("backup/v1")],
      condition: [{ test: "Bool", variable: "s3:ObjectCreationOperation", values: ["false"] }],
    },
    { actions: ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"], resources: [below("backup/v1")] },
  ];

  it("to create objects, never over another", () => {
    expect(rightsOf((bucket, job) => bucket.grantCreate(job, "backup/v1"))).toEqual(create);
    expect(rightsOf((bucket, job) => bucket.grantPut(job, "backup/v1"))).toEqual(create);
    expect(rightsOf((bucket, job) => bucket.grantReadWrite(job, "backup/v1")).slice(-3)).toEqual(create);
  });

  it("to erase: versions, and objects over a version that the request names", () => {
    const list = [
      { actions: ["s3:GetBucketLocation"], resources: [bucketArn] },
      {
        actions: ["s3:ListBucket", "s3:ListBucketVersions"],
        resources: [bucketArn],
        condition: [{ test: "StringLike", variable: "s3:prefix", values: ["backup/v1", "backup/v1/*"] }],
      },
    ];
    const erase = [
      ...list,
      {
        actions: [
          "s3:DeleteObjectVersion",
          "s3:GetObject",
          "s3:GetObjectLegalHold",
          "s3:GetObjectRetention",
          "s3:GetObjectVersion",
        ],
        resources: [below("backup/v1")],
      },
      ...create,
      {
        actions: ["s3:PutObject"],
        resources: [below("backup/v1")],
        condition: [{ test: "Null", variable: "s3:if-match", values: ["false"] }],
      },
    ];
    expect(rightsOf((bucket, job) => bucket.grantErase(job, { prefix: "backup/v1" }))).toEqual(erase);
    const bypass = { prefix: "backup/v1", bypassGovernanceRetention: true };
    expect(rightsOf((bucket, job) => bucket.grantErase(job, bypass))).toEqual([
      ...erase,
      { actions: ["s3:BypassGovernanceRetention"], resources: [below("backup/v1")] },
    ]);
  });

  it("exempts a role that erases, and from the lock only one with the flag", () => {
    const stack = synthesize((scope) => {
      const bucket = new BackupBucket(scope, "Backups");
      bucket.grantErase(role(scope, "Erase"));
      bucket.grantErase(role(scope, "EraseNow"), { bypassGovernanceRetention: true });
    });
    const exempt = (...ids: string[]) => ({
      test: "ArnNotEquals",
      variable: "aws:PrincipalArn",
      values: ids.map((id) => `\${aws_iam_role.${id}.arn}`),
    });
    const [overwrite, , deletion, bypass] = stack.statements("Backups_PolicyDocument").slice(3);
    expect(overwrite).toMatchObject({ condition: [{}, {}, exempt("Erase", "EraseNow")] });
    expect(deletion).toMatchObject({ condition: [exempt("Erase", "EraseNow")] });
    expect(bypass).toMatchObject({ condition: [exempt("EraseNow")] });
  });

  it("refuses a role that was imported by its name, which has no ARN for the policy", () => {
    const imported = (scope: TerraformStack) => Role.fromRoleName(scope, "Erase", "erase") as Role;
    expect(refusal((scope) => new BackupBucket(scope, "Backups").grantErase(imported(scope)))).toBe(
      "test/Backups: grantee must be a Role that this package makes, whose ARN the policy names, got object",
    );
  });

  it("to erase images, in a bucket whose policy exempts nobody", () => {
    const stack = synthesize((scope) =>
      new DataLakeBucket(scope, "Lake").grantErase(role(scope, "Erase"), { prefix: "xray-images" }),
    );
    expect(stack.statements("Erase_Policy").map(({ actions }) => (actions as string[])[0])).toContain(
      "s3:DeleteObjectVersion",
    );
    expect(stack.statements("Lake_PolicyDocument")).toHaveLength(3);
  });
});
