import type { TerraformStack } from "cdktf";
import {
  BackupCatalog,
  BackupGlueJob,
  DataLakeAlarms,
  DataLakeBucket,
  type IDataLakeNetwork,
  ImageUploaderUser,
  MetadataDatabase,
  PurgeGlueJob,
  RestoreGlueJob,
  WebIdentityRole,
} from "../../../src";
import { GOOGLE_SERVICE_ACCOUNT_ID, existingNetwork } from "../../support/constructs";
import { refusal } from "../../support/synth";

type Props = Record<string, unknown>;

/** Constructs with every prop that they need, and `change` in its place. */
const MAKE: Record<string, (scope: TerraformStack, change: Props) => unknown> = {
  backup: (scope, change) => new BackupGlueJob(scope, "It", { ...wiring(scope), ...change }),
  restore: (scope, change) => new RestoreGlueJob(scope, "It", { ...wiring(scope), ...change }),
  purge: (scope, change) => new PurgeGlueJob(scope, "It", { ...wiring(scope), olderThanDays: 90, ...change }),
  catalog: (scope, change) => new BackupCatalog(scope, "It", { ...wiring(scope), ...change }),
  database: (scope, change) => new MetadataDatabase(scope, "It", { network: existingNetwork(scope), ...change }),
  bucket: (scope, change) => new DataLakeBucket(scope, "It", change),
  alarms: (scope, change) => {
    const backupJob = new BackupGlueJob(scope, "Backup", wiring(scope));
    return new DataLakeAlarms(scope, "It", {
      database: new MetadataDatabase(scope, "Db2", wiring(scope)),
      backupJob,
      ...change,
    });
  },
  user: (scope, change) => new ImageUploaderUser(scope, "It", { ...app(scope), ...change }),
  role: (scope, change) =>
    new WebIdentityRole(scope, "It", { ...app(scope), googleServiceAccountId: GOOGLE_SERVICE_ACCOUNT_ID, ...change }),
};

function wiring(scope: TerraformStack) {
  const existing = (scope.node.tryFindChild("Net") as IDataLakeNetwork | undefined) ?? existingNetwork(scope);
  const bucket = (scope.node.tryFindChild("Lake") as DataLakeBucket | undefined) ?? new DataLakeBucket(scope, "Lake");
  const database =
    (scope.node.tryFindChild("Db") as MetadataDatabase | undefined) ??
    new MetadataDatabase(scope, "Db", { network: existing });
  return { network: existing, bucket, database };
}
const app = (scope: TerraformStack) => {
  const { bucket, database } = wiring(scope);
  return { bucket, secret: database.addUser("xray_app") };
};

const BUCKET = "a DataLakeBucket or DataLakeBucket.fromBucketName(…)";
const KEY = "a DataLakeKey or DataLakeKey.fromKeyArn(…)";

it.each<[string, Props, string]>([
  ["backup", { bucket: undefined }, `bucket must be ${BUCKET}, got undefined`],
  ["backup", { bucket: "x-ray" }, `bucket must be ${BUCKET}, got "x-ray"`],
  ["backup", { bucket: null }, `bucket must be ${BUCKET}, got null`],
  ["backup", { jobName: 5 }, "jobName must be 1 to 64 letters, digits, hyphens and underscores, got 5"],
  ["backup", { timeoutMinutes: "60" }, 'timeoutMinutes must be a whole number from 5 to 2880, got "60"'],
  ["backup", { database: "db.example.org" }, 'database must be a MetadataDatabase, got "db.example.org"'],
  ["backup", { network: "vpc-1" }, 'network must be a DataLakeNetwork or DataLakeNetwork.fromExisting(…), got "vpc-1"'],
  ["backup", { encryptionKey: "alias/x" }, `encryptionKey must be ${KEY}, got "alias/x"`],
  ["restore", { bucket: {} }, `bucket must be ${BUCKET}, got object`],
  ["purge", { bucket: "x-ray" }, `bucket must be ${BUCKET}, got "x-ray"`],
  [
    "purge",
    { olderThanDays: undefined },
    "olderThanDays must be given, got undefined: nothing says how old a row must be",
  ],
  ["catalog", { bucket: "x-ray" }, `bucket must be ${BUCKET}, got "x-ray"`],
  [
    "database",
    { network: undefined },
    "network must be a DataLakeNetwork or DataLakeNetwork.fromExisting(…), got undefined",
  ],
  ["database", { encryptionKey: "arn:aws:kms:…" }, `encryptionKey must be ${KEY}, got "arn:aws:kms:…"`],
  [
    "database",
    { databaseName: null },
    "databaseName must be a letter and up to 47 letters, digits and underscores, got null",
  ],
  ["bucket", { encryptionKey: "aws/s3" }, `encryptionKey must be ${KEY}, got "aws/s3"`],
  ["bucket", { serverAccessLogsBucket: "logs" }, 'serverAccessLogsBucket must be an AccessLogsBucket, got "logs"'],
  ["alarms", { database: undefined }, "database must be a MetadataDatabase, got undefined"],
  ["alarms", { backupJob: "weekly" }, 'backupJob must be a BackupGlueJob, got "weekly"'],
  ["user", { secret: "arn" }, 'secret must be a secret, as MetadataDatabase.addUser(…) gives it, got "arn"'],
  ["role", { bucket: "x-ray" }, `bucket must be ${BUCKET}, got "x-ray"`],
  [
    "role",
    { googleServiceAccountId: undefined },
    'googleServiceAccountId must be the numeric unique id of a service account, about 21 digits, got ""',
  ],
])("%s with %j is refused in one line", (name, change, message) => {
  expect(refusal((scope) => MAKE[name]?.(scope, change))).toBe(`test/It: ${message}`);
});
