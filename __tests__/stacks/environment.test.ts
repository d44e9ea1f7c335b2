import * as path from "node:path";
import type { Environment } from "../../src/stacks/environment";
import { synthesizeApp } from "../support/synth";
import { slideRegistry } from "../support/slide-registry";
import { addEnvironment } from "./support";

const valid: Environment = { name: "test", region: "eu-central-1", protect: false, sampleData: false };
/** Props that the type of Environment does not have, as JavaScript or a wider type can bring them. */
const withProps = (props: object): Partial<Environment> => props;
const refusal = (change: Partial<Environment>): string => {
  try {
    synthesizeApp((app) => addEnvironment(app, { ...valid, ...change }));
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("expected a refusal, and there was none");
};

it.each<[Partial<Environment>, string]>([
  ...["T", "1a", "a", "a_b", "a-", "a".repeat(17)].map((name): [Partial<Environment>, string] => [
    { name },
    `${name}-data-lake: name must be 2 to 16 lower-case letters, digits and hyphens that start with a letter, got "${name}"`,
  ]),
  ...["sg", "sg-dev"].map((name): [Partial<Environment>, string] => [
    { name },
    `${name}-data-lake: name must not begin with "sg-" or be "sg", got "${name}": EC2 refuses security groups that begin so`,
  ]),
  ...["eu-central", "eu-central-1a", "EU-CENTRAL-1", "frankfurt", "eu-central-9", ""].map(
    (region): [Partial<Environment>, string] => [
      { region },
      `test-data-lake: region must be one whose RDS authority this package ships, such as eu-central-1, got "${region}": ` +
        "see RDS_CA_BUNDLE in docs/modules/metadata-database.md",
    ],
  ),
  ...["cn-north-1", "cn-northwest-1"].map((region): [Partial<Environment>, string] => [
    { region },
    `test-data-lake: region must not be in China, got "${region}": RDS's authorities, endpoints and principals are others there`,
  ]),
  [
    { name: "prod" },
    'prod-data-lake: environment "prod" must have protect: true, got false: its data could be destroyed',
  ],
  [
    { name: "production" },
    'production-data-lake: environment "production" must have protect: true, got false: its data could be destroyed',
  ],
  [
    { network: { cidr: "10.0.0.0/8" } },
    'test-data-lake/Network: cidr must be an IPv4 network such as 10.0.0.0/16 with a mask from /16 to /24, got "10.0.0.0/8"',
  ],
  [
    { database: { instanceClass: "large" } },
    'test-data-lake/Database: instanceClass must be an RDS instance class such as db.t4g.medium, got "large"',
  ],
  [
    { database: { publiclyAccessible: true } },
    "test-data-lake/Database: publiclyAccessible needs a network with two public subnets, got 0: set publicSubnets or internetCidrs on the network",
  ],
  [
    { database: { backupRetentionDays: 0 } },
    "test-data-lake/Database: backupRetentionDays must be a whole number from 7 to 35, got 0",
  ],
  [
    { bucket: { bucketName: "X-Ray" } },
    "test-data-lake/Bucket: bucketName must be 3 to 63 lower-case letters, digits and hyphens that start and end with a " +
      'letter or digit and do not begin or end as AWS\'s own names do, got "X-Ray"',
  ],
  [
    { name: "my env" },
    'my-env-data-lake: name must be 2 to 16 lower-case letters, digits and hyphens that start with a letter, got "my env"',
  ],
  [
    { purge: { olderThanDays: 90 } },
    "test-data-lake: purge needs backup.archiveOlderThanDays, got none: it deletes only what is archived",
  ],
  [
    { dataModel: slideRegistry },
    "test-data-lake: migrationsFolder must be given with a dataModel of your own, got none: this package's migrations make other tables",
  ],
  [
    { dataModel: slideRegistry, migrationsFolder: "m", sampleData: true },
    "test-data-lake: sampleData must be false with a dataModel of your own, got true: the sample rows are of this package's tables",
  ],
  [
    withProps({ purge: { olderThanDays: 90, policies: [] } }),
    "test-data-lake: purge.policies must be left out: the stacks set it",
  ],
  [
    withProps({ backup: { databaseUser: "reader" } }),
    "test-data-lake: backup.databaseUser must be left out: the stacks set it",
  ],
  [
    withProps({ database: { network: {}, preventDestroy: false } }),
    "test-data-lake: database.network, database.preventDestroy must be left out: the stacks set it",
  ],
  [
    {
      localEndpoints: { aws: "http://127.0.0.1:5000", mysql: { host: "127.0.0.1", port: 3306 } },
      stateBucketName: "x-ray-state",
    },
    'test-data-lake: stateBucketName goes with AWS, got "x-ray-state" with localEndpoints, whose state is a file: leave one out',
  ],
  [
    { database: { databaseName: "1_ray" } },
    'test-data-lake/Database: databaseName must be a letter and up to 47 letters, digits and underscores, got "1_ray"',
  ],
  [
    { backup: { schedule: "0 3 * * 0" } },
    "test-data-lake/Backup: schedule must be cron(minutes hours day-of-month month day-of-week year) in UTC with ? for " +
      'one of the two days, such as cron(0 3 ? * SUN *), got "0 3 * * 0"',
  ],
  [
    { backup: { arguments: { "--db_password": "hunter2" } } },
    "test-data-lake/Backup: argument --db_password looks like a secret, and everybody with glue:GetJob can read arguments: " +
      "keep it in Secrets Manager and read it at run time",
  ],
  [
    { localEndpoints: { aws: "127.0.0.1:5000", mysql: { host: "127.0.0.1", port: 3306 } } },
    'test-data-lake: localEndpoints.aws must be a URL such as http://127.0.0.1:5000, got "127.0.0.1:5000"',
  ],
  [
    { localEndpoints: { aws: "http://127.0.0.1:5000", mysql: { host: "127.0.0.1", port: NaN } } },
    "test-data-lake: localEndpoints.mysql.port must be a whole number from 1 to 65535, got NaN",
  ],
  ...[
    "0.0.0.0/0",
    "203.0.0.0/16",
    "203.0.113.7",
    "203.0.113.7/24",
    "10.0.0.0/24",
    "192.168.1.7/32",
    "100.64.0.1/32",
    "127.0.0.1/32",
    "169.254.169.254/32",
    "224.0.0.1/32",
    "",
  ].map((adminCidr): [Partial<Environment>, string] => [
    { adminCidr },
    "test-data-lake: adminCidr must be a public IPv4 network from /24 to /32, such as your own address 203.0.113.7/32, " +
      `got "${adminCidr}"`,
  ]),
  [
    { passwordVersions: { xray_reader: 2 } as Environment["passwordVersions"] },
    "test-data-lake: passwordVersions user must be one of xray_app, xray_backup, xray_purge, xray_restore, got " +
      '"xray_reader"',
  ],
  [
    { passwordVersions: { xray_app: 0 } },
    "test-data-lake/Database: passwordVersion must be a whole number from 1 to 1000000, got 0",
  ],
  [
    { adminCidr: "203.0.113.7/32", protect: true },
    'test-data-lake: adminCidr must be left out with protect: true, got "203.0.113.7/32": use the bastion',
  ],
  [
    { adminCidr: "203.0.113.7/32", network: { publicSubnets: true } },
    "test-data-lake/Network: internetCidrs must be left out with publicSubnets, got 203.0.113.7/32: public subnets have a " +
      "route to all",
  ],
  [{ alarms: { email: "nobody" } }, 'test-data-lake/Alarms: email must be an e-mail address, got "nobody"'],
])("refuses %j", (change, message) => expect(refusal(change)).toBe(message));

it("never repeats a secret's value in the message", () => {
  expect(refusal({ backup: { arguments: { "--db_password": "hunter2" } } })).not.toContain("hunter2");
});

const warnings = (change: Partial<Environment>): string[] =>
  Object.values(synthesizeApp((app) => addEnvironment(app, { ...valid, ...change }))).flatMap(
    (stack) => stack.warnings,
  );
const mysqlProxy = "socks5h://127.0.0.1:1080";

it("warns of a protected environment whose state is a file, and of no other", () => {
  const warning =
    "stateBucketName: Terraform's state of a protected environment is a file on this machine; who loses it loses control";
  expect(warnings({ mysqlProxy, protect: true })).toEqual([warning, warning]);
  expect(warnings({ mysqlProxy, protect: true, stateBucketName: "x-ray-state" })).toEqual([]);
  expect(warnings({ mysqlProxy })).toEqual([]);
});

it("warns of a schema stack without a way in, with the ways that it may have", () => {
  const warning =
    "the database is private and mysqlProxy is not set: outside its network this stack cannot be planned or deployed; set " +
    "bastion, run npx xray-tunnel test-data-lake and set mysqlProxy";
  expect(warnings({})).toEqual([`${warning}, or set adminCidr`]);
  expect(warnings({ protect: true, stateBucketName: "x-ray-state" })).toEqual([warning]);
  expect(warnings({ adminCidr: "203.0.113.7/32" })).toEqual([expect.stringContaining("publiclyAccessible")]);
  const mysql = { host: "127.0.0.1", port: 3306 };
  expect(warnings({ localEndpoints: { aws: "http://127.0.0.1:5000", mysql } })).toEqual([]);
});

it("gives each database user the number of its password", () => {
  const stacks = synthesizeApp((app) =>
    addEnvironment(app, { ...valid, erase: {}, passwordVersions: { xray_backup: 7, xray_erase: 3 } }),
  );
  const lake = stacks["test-data-lake"];
  const version = (user: string) =>
    lake?.resource("aws_secretsmanager_secret_version", `Database_${user}-secret_Version`).secret_string_wo_version;
  expect([version("xray_backup"), version("xray_app"), version("xray_erase")]).toEqual([7, 1, 3]);
});

it("hands a data model of one's own to jobs, catalog and users", () => {
  const migrationsFolder = path.join(__dirname, "..", "..", "examples", "own-data-model", "migrations");
  const build = (more: Partial<Environment>) =>
    synthesizeApp((app) => addEnvironment(app, { ...valid, dataModel: slideRegistry, migrationsFolder, ...more }));
  const stacks = build({
    policies: [{ anchorTable: "slide", timeColumn: "scanned_at" }],
    keptTables: ["tissue"],
    backup: { archiveOlderThanDays: 365 },
    purge: { olderThanDays: 365 },
  });
  const lake = stacks["test-data-lake"];
  for (const job of ["Backup", "Purge", "Restore"]) {
    expect(lake?.resource("aws_glue_job", job).non_overridable_arguments).toContain(
      '"slide.scanned_at+annotation+review"',
    );
  }
  expect(lake?.ids("aws_glue_catalog_table")).toContain("Catalog_latest_slide");
  const grants = stacks["test-metadata-schema"]?.ids("mysql_grant") ?? [];
  expect(grants).toContain("Schema_xray_purge_Grant-slide");
  expect(grants.filter((id) => /image|transaction/.test(id))).toEqual([]);

  // Without a policy nothing is purged, and nobody may.
  const users = build({})["test-metadata-schema"]?.ids("mysql_user");
  expect(users).toEqual(["app", "backup", "restore"].map((task) => `Schema_xray_${task}`));
});

test("has the erasing job and its user only where it is asked for", () => {
  const written = (change: Partial<Environment>) =>
    JSON.stringify(synthesizeApp((app) => addEnvironment(app, { ...valid, ...change })));
  expect(written({}).includes("xray_erase")).toBe(false);
  const asked = written({ erase: {} });
  const parts = [
    "job_erase.py",
    "erase_job_name",
    "Schema_xray_erase_Grant-image",
    "Schema_xray_erase_Grant-every-table",
  ];
  expect(parts.filter((part) => !asked.includes(part))).toEqual([]);
});

test("the erasing job looks into the lake's bucket for backups from before it had one for them", () => {
  const argumentsOf = (change: Partial<Environment>) =>
    synthesizeApp((app) => addEnvironment(app, { ...valid, erase: {}, ...change }))["test-data-lake"]?.resource(
      "aws_glue_job",
      "Erase",
    ).non_overridable_arguments;
  expect(argumentsOf({ backupBucket: {} })).toContain('"--former_stores" = "s3://${aws_s3_bucket.Bucket.id}/backup"');
  expect(argumentsOf({})).not.toContain("former_stores");
});
