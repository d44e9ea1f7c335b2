import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { Construct } from "constructs";
import type { TerraformStack } from "cdktf";
import * as exported from "../../../src";
import {
  AccessLogsBucket,
  BackupBucket,
  DataLakeBucket,
  DataLakeKey,
  DataLakeNetwork,
  MetadataDatabase,
  MetadataSchema,
  PrivateBucket,
} from "../../../src";
import { MysqlProvider } from "../../../src/providers/mysql/provider";
import { everyConstruct } from "../../support/constructs";
import { refusal, synthesize } from "../../support/synth";

type Props = Record<string, unknown>;

const BUCKET = "a DataLakeBucket or DataLakeBucket.fromBucketName(…)";
const KEY = "a DataLakeKey or DataLakeKey.fromKeyArn(…)";

it.each<[string, Props, string]>([
  ["Backup", { bucket: undefined }, `bucket must be ${BUCKET}, got undefined`],
  ["Backup", { bucket: "x-ray" }, `bucket must be ${BUCKET}, got "x-ray"`],
  ["Backup", { bucket: null }, `bucket must be ${BUCKET}, got null`],
  ["Backup", { jobName: 5 }, "jobName must be 1 to 64 letters, digits, hyphens and underscores, got 5"],
  ["Backup", { timeoutMinutes: "60" }, 'timeoutMinutes must be a whole number from 5 to 2880, got "60"'],
  ["Backup", { database: "db.example.org" }, 'database must be a MetadataDatabase, got "db.example.org"'],
  ["Backup", { network: "vpc-1" }, 'network must be a DataLakeNetwork or DataLakeNetwork.fromExisting(…), got "vpc-1"'],
  ["Backup", { encryptionKey: "alias/x" }, `encryptionKey must be ${KEY}, got "alias/x"`],
  ["Restore", { bucket: {} }, `bucket must be ${BUCKET}, got object`],
  ["Purge", { bucket: "x-ray" }, `bucket must be ${BUCKET}, got "x-ray"`],
  [
    "Purge",
    { olderThanDays: undefined },
    "olderThanDays must be given, got undefined: nothing says how old a row must be",
  ],
  ["Catalog", { bucket: "x-ray" }, `bucket must be ${BUCKET}, got "x-ray"`],
  ["Db", { network: undefined }, "network must be a DataLakeNetwork or DataLakeNetwork.fromExisting(…), got undefined"],
  ["Db", { encryptionKey: "arn:aws:kms:…" }, `encryptionKey must be ${KEY}, got "arn:aws:kms:…"`],
  [
    "Db",
    { databaseName: null },
    "databaseName must be a letter and up to 47 letters, digits and underscores, got null",
  ],
  ["Lake", { encryptionKey: "aws/s3" }, `encryptionKey must be ${KEY}, got "aws/s3"`],
  ["Lake", { serverAccessLogsBucket: "logs" }, 'serverAccessLogsBucket must be an AccessLogsBucket, got "logs"'],
  ["Bastion", { database: "db.example.org" }, 'database must be a MetadataDatabase, got "db.example.org"'],
  [
    "Bastion",
    { network: "vpc-1" },
    'network must be a DataLakeNetwork or DataLakeNetwork.fromExisting(…), got "vpc-1"',
  ],
  ["Bastion", { encryptionKey: "alias/x" }, `encryptionKey must be ${KEY}, got "alias/x"`],
  ["Bastion", { instanceType: "nano" }, 'instanceType must be an EC2 instance type such as t4g.nano, got "nano"'],
  ["Alarms", { database: undefined }, "database must be a MetadataDatabase, got undefined"],
  ["Alarms", { backupJob: "weekly" }, 'backupJob must be a BackupGlueJob, got "weekly"'],
  ["Alarms", { purgeJob: "yearly" }, 'purgeJob must be a PurgeGlueJob, got "yearly"'],
  ["Alarms", { restoreJob: null }, "restoreJob must be a RestoreGlueJob, got null"],
  ["User", { secret: "arn" }, 'secret must be a secret, as MetadataDatabase.addUser(…) gives it, got "arn"'],
  ["App", { bucket: "x-ray" }, `bucket must be ${BUCKET}, got "x-ray"`],
  [
    "App",
    { googleServiceAccountId: undefined },
    'googleServiceAccountId must be the numeric unique id of a service account, about 21 digits, got ""',
  ],
  [
    "Lake",
    { encryptionKey: { keyArn: "arn:aws:kms:us-east-1:123456789012:key/1" } },
    "encryptionKey must be a key of eu-central-1, the region of the AWS provider, got arn:aws:kms:us-east-1:123456789012:key/1",
  ],
])("%s with %j is refused in one line", (id, change, message) => {
  const place = (scope: TerraformStack) => (usualId: string) => ({
    scope,
    id: usualId,
    ...(usualId === id ? change : {}),
  });
  expect(refusal((scope) => void everyConstruct(place(scope)))).toBe(`test/${id}: ${message}`);
});

it.each(["database", "encryptionKey", "network", "serverAccessLogsBucket"])(
  "a %s of another region is refused",
  (prop) => {
    const message = refusal((scope) => {
      const provider = new AwsProvider(scope, "dublin", { region: "eu-west-1", alias: "dublin" });
      const network = new DataLakeNetwork(scope, "Dublin", { provider });
      const given: Props = {
        database: new MetadataDatabase(scope, "Db2", { provider, network }),
        encryptionKey: new DataLakeKey(scope, "Key2", { provider }),
        network,
        serverAccessLogsBucket: new AccessLogsBucket(scope, "Logs2", { provider }),
      };
      const taker = prop === "serverAccessLogsBucket" ? "Lake" : "Backup";
      everyConstruct((id) => ({ scope, id, ...(id === taker && { [prop]: given[prop] }) }));
    });
    expect(message).toMatch(
      new RegExp(
        `^test/(Lake|Backup): ${prop} must be a \\w+ of eu-central-1, the region of the AWS provider, got test/\\w+ of eu-west-1$`,
      ),
    );
  },
);

/** The constructs that work without props; plain JavaScript leaves them out of the others, too. */
const WITHOUT_PROPS = [
  AccessLogsBucket,
  BackupBucket,
  DataLakeBucket,
  DataLakeKey,
  DataLakeNetwork,
  MetadataSchema,
  PrivateBucket,
];

type Type = new (scope: Construct, id: string) => Construct;
const types = Object.values(exported).filter(
  (value) => typeof value === "function" && value.prototype instanceof Construct,
) as unknown as Type[];

it.each(types.map((type) => [type.name, type] as const))(
  "%s without props works, or is refused in one line",
  (_, Type) => {
    const make = (scope: TerraformStack) => {
      new MysqlProvider(scope, "mysql", { endpoint: "db:3306", username: "admin" });
      new Type(scope, "It");
    };
    if (WITHOUT_PROPS.some((known) => known === Type)) synthesize(make);
    else expect(refusal(make)).toBe("test: the props of It must be an object with its properties, got undefined");
  },
);

it("refuses an existing network without props in one line", () => {
  const network = DataLakeNetwork as unknown as { fromExisting(scope: Construct, id: string): void };
  expect(refusal((scope) => network.fromExisting(scope, "It"))).toBe(
    "test: the props of It must be an object with its properties, got undefined",
  );
});
