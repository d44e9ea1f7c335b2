import type { TerraformStack } from "cdktf";
import { TerraformVariable } from "cdktf";
import type { BackupGlueJobProps } from "../../../src/modules/backup/backup-glue-job";
import { BackupGlueJob, Scheduler } from "../../../src/modules/backup/backup-glue-job";
import { DataLakeBucket } from "../../../src/modules/storage/data-lake-bucket";
import { DataLakeKey } from "../../../src/modules/common/data-lake-key";
import { DataLakeNetwork } from "../../../src/modules/network/data-lake-network";
import { ExecutionClass, GlueVersion } from "../../../src/modules/backup/glue-database-job";
import { MetadataDatabase } from "../../../src/modules/database/metadata-database";
import { Role } from "../../../src/modules/common/role";
import { slideRegistry } from "../../support/slide-registry";
import { refusal, synthesize } from "../../support/synth";

type Props = Partial<BackupGlueJobProps>;
const keyArn = "arn:aws:kms:eu-central-1:123456789012:key/1";
const MD5 = "[0-9A-F]{32}";

function job(scope: TerraformStack, props: Props = {}): BackupGlueJob {
  const network = props.network ?? new DataLakeNetwork(scope, "Net");
  return new BackupGlueJob(scope, "Backup", {
    bucket: props.bucket ?? new DataLakeBucket(scope, "Lake"),
    database: new MetadataDatabase(scope, "Db", { network }),
    network,
    ...props,
  });
}
/** The arguments in an expression, which HCL needs for names with hyphens. */
function argumentsIn(expression: unknown): Record<string, string> {
  expect(expression).toMatch(/^\$\{tomap\(\{.*\}\)\}$/);
  const entries = String(expression).matchAll(/"(--[\w-]+)" = (?:"((?:[^"]|\$\{.*?\})*)"|([\w.-]+))/g);
  return Object.fromEntries(
    [...entries].map(([, name = "", text, reference]) => [name, text ?? `\${${reference ?? ""}}`]),
  );
}
const synth = (props: Props = {}) => synthesize((scope) => void job(scope, props));
const refused = (props: Props) => refusal((scope) => job(scope, props));

describe("defaults", () => {
  const stack = synth();
  const resource = stack.resource("aws_glue_job");

  it("runs Glue 5.1 on two G.1X workers, once at a time, for an hour at most", () => {
    expect(resource).toMatchObject({
      name: "test-backup",
      description: "Backs the metadata up to S3 and proves the copy",
      role_arn: "${aws_iam_role.Backup_Role.arn}",
      glue_version: "5.1",
      connections: ["${aws_glue_connection.Backup_Connection.name}"],
      execution_class: "STANDARD",
      execution_property: { max_concurrent_runs: 1 },
      max_retries: 0,
      number_of_workers: 2,
      timeout: 60,
      worker_type: "G.1X",
      lifecycle: { ignore_changes: ["name"] },
      depends_on: ["error", "output"].flatMap((log) =>
        ["", "current-"].map((current) => `aws_cloudwatch_log_group.Backup_${current}${log}-log`),
      ),
    });
    expect(resource.command).toEqual({
      name: "glueetl",
      python_version: "3",
      script_location: expect.stringMatching(
        new RegExp(`^s3://\\$\\{aws_s3_bucket.Lake.id\\}/glue-assets/test-backup/${MD5}/job_backup.py$`),
      ) as unknown,
    });
  });

  // Glue does not say how it starts a script: a shell on the way must not find anything to put something else for.
  it.each(["non_overridable_arguments", "default_arguments"] as const)(
    "has no letter in %s that a shell expands",
    (name) => {
      for (const value of Object.values(argumentsIn(resource[name]))) {
        expect(value.replaceAll(/\$\{[^}]*\}/g, "")).toMatch(/^[\w@%+=:,./-]*$/);
      }
    },
  );

  it("fixes what a run must not change, and leaves the rest to it", () => {
    expect(argumentsIn(resource.non_overridable_arguments)).toEqual({
      "--disable-proxy-v2": "true",
      "--extra-py-files": expect.stringMatching(/\/xray_backup\.zip$/) as unknown,
      "--policies": "transaction.time+pred_bounding_box",
      "--secret_id": "${aws_secretsmanager_secret_version.Db_xray_backup-secret_Version.secret_id}",
      "--ssl_ca": "rds",
      "--ssl_mode": "VERIFY_IDENTITY",
      "--store": "s3://${aws_s3_bucket.Lake.id}/backup",
      "--tables": "@all",
    });
    expect(argumentsIn(resource.default_arguments)).toEqual({
      "--custom-logGroup-prefix": "/aws-glue/jobs/test-backup",
      "--enable-auto-scaling": "true",
      "--enable-job-insights": "true",
      "--enable-metrics": "true",
      "--enable-observability-metrics": "true",
      "--job-bookmark-option": "job-bookmark-disable",
      "--job-language": "python",
    });
  });

  it("uploads each file under its content's hash", () => {
    expect(stack.ids("aws_s3_object")).toEqual([
      "Backup_Package",
      "Backup_Script",
      "Lake_BackupFolder",
      "Lake_ImagesFolder",
    ]);
    const { key, source, source_hash } = stack.resource("aws_s3_object", "Backup_Package");
    expect(source_hash).toMatch(new RegExp(`^${MD5}$`));
    expect(key).toBe(`glue-assets/test-backup/${String(source_hash)}/xray_backup.zip`);
    expect(source).toMatch(/^assets\/.*\/xray_backup\.zip$/);
  });

  it("starts each Sunday at three", () => {
    expect(stack.resource("aws_glue_trigger", "Backup_Trigger")).toEqual({
      name: "${aws_glue_job.Backup.name}",
      description: "test/Backup",
      type: "SCHEDULED",
      schedule: "cron(0 3 ? * SUN *)",
      start_on_creation: true,
      actions: [{ job_name: "${aws_glue_job.Backup.name}" }],
    });
  });

  it("connects over TLS in the first subnet's own zone, with the secret by name", () => {
    expect(stack.resource("aws_glue_connection")).toEqual({
      name: "test-backup-connection",
      lifecycle: { ignore_changes: ["name"] },
      connection_type: "JDBC",
      connection_properties: {
        JDBC_CONNECTION_URL: "jdbc:mysql://${aws_db_instance.Db.address}:3306/x_ray",
        JDBC_ENFORCE_SSL: "true",
        SECRET_ID: "${aws_secretsmanager_secret_version.Db_xray_backup-secret_Version.secret_id}",
      },
      physical_connection_requirements: {
        availability_zone: '${element(split(".", data.aws_region.Net_Region.endpoint), 1)}a',
        subnet_id: "${aws_subnet.Net_PrivateSubnet1.id}",
        security_group_id_list: ["${aws_security_group.Backup_Connection_SecurityGroup.id}"],
      },
    });
  });

  it("reaches itself, the database, S3 and the endpoints, and nothing else", () => {
    const egress = stack.ids("aws_vpc_security_group_egress_rule").map((id) => {
      const { ip_protocol, from_port, to_port, ...rule } = stack.resource("aws_vpc_security_group_egress_rule", id);
      expect([rule.security_group_id, ip_protocol]).toEqual([
        "${aws_security_group.Backup_Connection_SecurityGroup.id}",
        "tcp",
      ]);
      return [from_port, to_port, rule.referenced_security_group_id ?? rule.prefix_list_id ?? rule.cidr_ipv4];
    });
    expect(egress).toEqual([
      [3306, 3306, "${aws_security_group.Db_SecurityGroup.id}"],
      [443, 443, "${aws_security_group.Net_Endpoints_SecurityGroup.id}"],
      [443, 443, "${aws_vpc_endpoint.Net_Endpoints_s3.prefix_list_id}"],
      [0, 65_535, "${aws_security_group.Backup_Connection_SecurityGroup.id}"],
    ]);
    expect(
      stack.resource("aws_vpc_security_group_ingress_rule", "Db_Ingress-Glue-job-test-Backup-Connection"),
    ).toMatchObject({
      security_group_id: "${aws_security_group.Db_SecurityGroup.id}",
      referenced_security_group_id: "${aws_security_group.Backup_Connection_SecurityGroup.id}",
      from_port: 3306,
    });
  });

  it("encrypts nothing with a key that it has not been given", () => {
    expect(stack.resource("aws_glue_security_configuration").encryption_configuration).toEqual({
      cloudwatch_encryption: { cloudwatch_encryption_mode: "DISABLED" },
      job_bookmarks_encryption: { job_bookmarks_encryption_mode: "DISABLED" },
      s3_encryption: { s3_encryption_mode: "DISABLED" },
    });
    expect(stack.resource("aws_cloudwatch_log_group", "Backup_error-log")).toEqual({
      name: "/aws-glue/jobs/test-backup/error",
      retention_in_days: 400,
      lifecycle: { ignore_changes: ["name"] },
    });
  });
});

describe("props", () => {
  it("takes every size, name and user", () => {
    const stack = synth({
      archiveOlderThanDays: 90,
      arguments: { "--connections": "8" },
      databaseUser: "reader",
      executionClass: ExecutionClass.FLEX,
      glueVersion: GlueVersion.V6_0,
      jobName: "weekly",
      logRetentionDays: 30,
      numberOfWorkers: 10,
      schedule: "cron(30 1 1 * ? *)",
      timeoutMinutes: 120,
    });
    expect(stack.resource("aws_glue_job")).toMatchObject({
      name: "weekly",
      execution_class: "FLEX",
      glue_version: "6.0",
      number_of_workers: 10,
      timeout: 120,
    });
    expect(argumentsIn(stack.resource("aws_glue_job").default_arguments)).toMatchObject({
      "--archive_older_than_days": "90",
      "--connections": "8",
    });
    expect(stack.resource("aws_glue_trigger", "Backup_Trigger").schedule).toBe("cron(30 1 1 * ? *)");
    expect(stack.resource("aws_secretsmanager_secret").name_prefix).toBe("test-db/reader-");
    expect(stack.resource("aws_cloudwatch_log_group", "Backup_output-log")).toEqual({
      name: "/aws-glue/jobs/weekly/output",
      retention_in_days: 30,
      lifecycle: { ignore_changes: ["name"] },
    });
  });

  it("encrypts logs with its key, and objects with the bucket's", () => {
    const stack = synthesize((scope) => {
      const encryptionKey = DataLakeKey.fromKeyArn(scope, "Key", keyArn);
      const other = DataLakeKey.fromKeyArn(scope, "LakeKey", keyArn.replace("key/1", "key/2"));
      job(scope, { encryptionKey, bucket: new DataLakeBucket(scope, "Lake", { encryptionKey: other }) });
    });
    expect(stack.resource("aws_glue_security_configuration").encryption_configuration).toEqual({
      cloudwatch_encryption: { cloudwatch_encryption_mode: "SSE-KMS", kms_key_arn: keyArn },
      job_bookmarks_encryption: { job_bookmarks_encryption_mode: "CSE-KMS", kms_key_arn: keyArn },
      s3_encryption: { s3_encryption_mode: "SSE-KMS", kms_key_arn: keyArn.replace("key/1", "key/2") },
    });
    // Glue's own name for the group of a job with an encrypted log.
    expect(stack.resource("aws_cloudwatch_log_group", "Backup_error-log")).toMatchObject({
      name: "/aws-glue/jobs/test-backup/${aws_glue_security_configuration.Backup_SecurityConfiguration.name}-role/${aws_iam_role.Backup_Role.name}/error",
      kms_key_id: keyArn,
    });
  });

  it("has no schedule where something else starts it, which grantStart lets it do by the trigger on demand", () => {
    const stack = synthesize((scope) => {
      job(scope, { scheduler: Scheduler.EXTERNAL }).grantStart(Role.fromRoleName(scope, "Airflow", "airflow"));
    });
    // Without arguments: the job's own.
    expect(stack.resource("aws_glue_trigger")).toEqual({
      name: "${aws_glue_job.Backup.name}-on-demand",
      description: "test/Backup",
      type: "ON_DEMAND",
      enabled: false,
      actions: [{ job_name: "${aws_glue_job.Backup.name}" }],
    });
    expect(stack.statements("Airflow_Policy")).toEqual([
      {
        actions: ["glue:BatchStopJobRun", "glue:GetJobRun", "glue:GetJobRuns"],
        resources: ["${aws_glue_job.Backup.arn}"],
      },
      { actions: ["glue:StartTrigger"], resources: ["${aws_glue_trigger.Backup_OnDemandTrigger.arn}"] },
      { actions: ["s3:GetBucketLocation"], resources: ["${aws_s3_bucket.Lake.arn}"] },
      {
        actions: ["s3:ListBucket"],
        resources: ["${aws_s3_bucket.Lake.arn}"],
        condition: [{ test: "StringLike", variable: "s3:prefix", values: expect.any(Array) as unknown }],
      },
      {
        actions: ["s3:GetObject"],
        resources: ['${join("/", [aws_s3_bucket.Lake.arn, "backup/v1/_manifests", "*"])}'],
      },
    ]);
  });

  it("goes out by HTTPS where the network has no endpoints", () => {
    const stack = synthesize((scope) => {
      const at = (id: string, zone: string) => ({ id, availabilityZone: zone, routeTableId: "rtb-1" });
      const subnets = [at("subnet-1", "eu-1a"), at("subnet-2", "eu-1b")];
      job(scope, { network: DataLakeNetwork.fromExisting(scope, "Net", { vpcId: "vpc-1", subnets }) });
    });
    expect(stack.resource("aws_vpc_security_group_egress_rule", "Backup_Connection_HttpsEgress")).toMatchObject({
      cidr_ipv4: "0.0.0.0/0",
      from_port: 443,
      to_port: 443,
    });
  });

  it("takes tokens for name and schedule", () => {
    const stack = synthesize((scope) => {
      const text = new TerraformVariable(scope, "text", { type: "string" }).stringValue;
      job(scope, { jobName: text, schedule: text });
    });
    expect(stack.resource("aws_glue_job").name).toBe("${var.text}");
    expect(stack.resource("aws_glue_trigger", "Backup_Trigger").schedule).toBe("${var.text}");
  });
});

describe("with a data model of one's own", () => {
  const slides = { anchorTable: "slide", timeColumn: "scanned_at" };
  const reviews = { anchorTable: "review", timeColumn: "reviewed_at" };
  const own = { dataModel: slideRegistry, policies: [slides] };
  const argumentsOf = (props: Props) => {
    const { default_arguments, non_overridable_arguments } = synth(props).resource("aws_glue_job");
    return { ...argumentsIn(default_arguments), ...argumentsIn(non_overridable_arguments) };
  };

  it("archives by the job's age, or by the policies'", () => {
    expect(argumentsOf({ ...own, archiveOlderThanDays: 90 })).toMatchObject({
      "--archive_older_than_days": "90",
      "--least_age_days": "90",
      "--policies": "slide.scanned_at+annotation+review",
    });
    expect(argumentsOf({ ...own, policies: [{ ...slides, olderThanDays: 365 }] })).toMatchObject({
      "--archive_older_than_days": "365",
      "--least_age_days": "365",
      "--policies": "slide.scanned_at+annotation+review=365",
    });
  });

  it("archives nothing without a policy", () => {
    const without = argumentsOf({ dataModel: slideRegistry });
    expect(without).toMatchObject({ "--policies": "none", "--tables": "@all" });
    expect(without).not.toHaveProperty("--archive_older_than_days");
    expect(without).not.toHaveProperty("--least_age_days");
  });

  it("backs up some tables, or all but some", () => {
    expect(argumentsOf({ dataModel: slideRegistry, tables: ["tissue", "specimen"] })).toMatchObject({
      "--tables": "tissue,specimen",
    });
    expect(argumentsOf({ excludeTables: ["session", "cache"] })).toMatchObject({ "--tables": "!session,!cache" });
  });

  it.each<[Props, string]>([
    [
      own,
      "policy slide.scanned_at needs olderThanDays, or the job archiveOlderThanDays: nothing says how old a row must be",
    ],
    [
      { dataModel: slideRegistry, archiveOlderThanDays: 90 },
      "archiveOlderThanDays goes with policies, got none: name the tables and their time columns",
    ],
    [
      { ...own, policies: [slides, reviews], archiveOlderThanDays: 90 },
      "table review: policies slide.scanned_at and review.reviewed_at both reach it: rows of a table go by one policy",
    ],
    [{ tables: ["image"], excludeTables: ["image"] }, "tables and excludeTables do not go together: leave one out"],
    [
      { tables: [] },
      "tables must be one or more names of tables, without a comma in them or ! or @ before them, got []",
    ],
    [
      { excludeTables: ["!image"] },
      'excludeTables must be one or more names of tables, without a comma in them or ! or @ before them, got ["!image"]',
    ],
    [{ dataModel: slideRegistry, tables: ["slides"] }, 'tables: the data model has no table "slides"'],
    [
      { ...own, archiveOlderThanDays: 90, excludeTables: ["review"] },
      "policy slide.scanned_at reaches table review, which the backup leaves out: a purge would find no copy of its rows",
    ],
    [
      { archiveOlderThanDays: 90, tables: ["image", "transaction"] },
      "policy transaction.time reaches table pred_bounding_box, which the backup leaves out: a purge would find no copy of its rows",
    ],
  ])("refuses %j", (props, message) => expect(refused(props)).toBe(`test/Backup: ${message}`));
});

describe("refusals", () => {
  it.each<[Props, string]>([
    [{ archiveOlderThanDays: 1 }, "archiveOlderThanDays must be a whole number from 2 to 36500, got 1"],
    [{ numberOfWorkers: 1 }, "numberOfWorkers must be a whole number from 2 to 100, got 1"],
    [{ timeoutMinutes: 4 }, "timeoutMinutes must be a whole number from 5 to 2880, got 4"],
    [{ executionClass: "SPOT" as ExecutionClass }, 'executionClass must be one of STANDARD, FLEX, got "SPOT"'],
    [{ glueVersion: "4.0" as GlueVersion }, 'glueVersion must be one of 5.1, 6.0, got "4.0"'],
    [{ scheduler: "airflow" as Scheduler }, 'scheduler must be one of glue, external, got "airflow"'],
    [{ jobName: "a b" }, 'jobName must be 1 to 64 letters, digits, hyphens and underscores, got "a b"'],
    [
      { scheduler: Scheduler.EXTERNAL, schedule: "cron(0 3 ? * SUN *)" },
      'schedule goes with scheduler "glue", got "cron(0 3 ? * SUN *)" with "external": leave one out',
    ],
    [
      { logRetentionDays: 0 },
      "logRetentionDays must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, " +
        "2192, 2557, 2922, 3288, 3653, got 0",
    ],
  ])("refuses %j", (props, message) => expect(refused(props)).toBe(`test/Backup: ${message}`));

  it.each(["--db_password", "--api-key", "--AccessKey", "--my_token", "--PWD"])("refuses the argument %s", (name) => {
    expect(refused({ arguments: { [name]: "x" } })).toBe(
      `test/Backup: argument ${name} looks like a secret, and everybody with glue:GetJob can read arguments: keep it in ` +
        "Secrets Manager and read it at run time",
    );
  });

  // With hyphens, too: the job would take the last of the two spellings.
  it.each([
    "--store",
    "--secret-id",
    "--ssl-mode",
    "--SSL_MODE",
    "--extra_py_files",
    "--job-language",
    "--conf",
    "--JOB_NAME",
  ])("refuses the argument %s, which is taken", (name) => {
    expect(refused({ arguments: { [name]: "x" } })).toBe(
      `test/Backup: argument ${name} is set by the construct or by Glue: leave it out`,
    );
  });

  it("refuses an argument that the job does not take, and says which it takes", () => {
    expect(refused({ arguments: { "--archive_older_then_days": "90" } })).toBe(
      "test/Backup: argument --archive_older_then_days is none of job_backup.py: it takes Glue's own and --connections, " +
        "--lock_ttl_seconds, --run_mode, --run_slot, --lag_minutes, --archive_older_than_days",
    );
    expect(refused({ arguments: { "--enable_spark_ui": "true" } })).toContain("argument --enable_spark_ui is none of");
  });

  it.each<[Record<string, string>, string]>([
    [{ "--connections": "many" }, 'argument --connections must be a whole number from 1 to 1000, got "many"'],
    [{ "--lag-minutes": "-1" }, 'argument --lag-minutes must be a whole number from 0 to 1440, got "-1"'],
    [{ "--lag-minutes": "1441" }, "argument --lag-minutes must be a whole number from 0 to 1440, got 1441"],
    [{ "--lag_minutes": "" }, 'argument --lag_minutes must be a whole number from 0 to 1440, got ""'],
    [{ "--lock_ttl_seconds": "9999" }, "argument --lock_ttl_seconds must be a whole number from 3 to 3600, got 9999"],
    [{ "--least_age_days": "9" }, "argument --least_age_days is set by the construct or by Glue: leave it out"],
    [{ "--lag_minutes": 5 as never }, "argument --lag_minutes must be a text, as Glue passes it, got 5"],
    [
      "--lag_minutes=5" as never,
      'arguments must be texts by name, and the names known at synth, got "--lag_minutes=5"',
    ],
    [{ "--run_mode": "now" }, 'argument --run_mode must be one of dry-run, execute, check, got "now"'],
    [{ "--lag_minutes": "1", "--lag-minutes": "2" }, "argument --lag-minutes is given twice"],
  ])("refuses the arguments %j", (given, message) => {
    expect(refused({ arguments: given })).toBe(`test/Backup: ${message}`);
  });

  it("refuses a token for the arguments", () => {
    const build = (scope: TerraformStack) => {
      const map = new TerraformVariable(scope, "map", { type: "map(string)" }).value as never;
      job(scope, { arguments: map });
    };
    expect(refusal(build)).toBe(
      "test/Backup: arguments must be texts by name, and the names known at synth, got a token",
    );
  });

  it("takes Glue's own arguments and a token for a value", () => {
    const stack = synthesize((scope) => {
      const text = new TerraformVariable(scope, "text", { type: "string" }).stringValue;
      job(scope, { arguments: { "--lag_minutes": text, "--TempDir": "s3://x/tmp", "--enable-spark-ui": "true" } });
    });
    expect(argumentsIn(stack.resource("aws_glue_job").default_arguments)).toMatchObject({
      "--lag_minutes": "${var.text}",
      "--TempDir": "s3://x/tmp",
      "--enable-spark-ui": "true",
    });
  });

  it.each(["connections", "-c", "--", "--a b"])("refuses the argument name %j", (name) => {
    expect(refused({ arguments: { [name]: "x" } })).toBe(
      `test/Backup: argument "${name}" must be a name with two hyphens before it, as --name`,
    );
  });

  const bad = [
    "0 3 ? * SUN *",
    "rate(7 days)",
    "cron(0 3 * * SUN *)",
    "cron(0 3 ? * ? *)",
    "cron(0 3 ? * SUN)",
    "cron(* 3 ? * SUN *)",
    "cron(60 3 ? * SUN *)",
    "cron(0 24 ? * SUN *)",
    "cron(0 3 32 * ? *)",
    "cron(0 3 1 13 ? *)",
    "cron(0 3 ? * 0 *)",
    "cron(0 3 ? * SUNDAY *)",
    "cron(0 3 ? * SUN 26)",
    "cron(0 3 ? * SUN *",
  ];
  it.each(bad)("refuses the schedule %s", (schedule) => {
    expect(refused({ schedule })).toBe(
      "test/Backup: schedule must be cron(minutes hours day-of-month month day-of-week year) in UTC with ? for one of " +
        `the two days, such as cron(0 3 ? * SUN *), got "${schedule}"`,
    );
  });

  const good = [
    "cron(15 10 ? * 6L 2026-2030)",
    "cron(0/15 8-17 ? * MON-FRI *)",
    "cron(*/15 0,12 L * ? *)",
    "cron(0 3 15W JAN,JUL ? *)",
    "cron(0 3 ? * 2#1 *)",
  ];
  it.each(good)("takes the schedule %s", (schedule) => {
    expect(synth({ schedule }).resource("aws_glue_trigger", "Backup_Trigger").schedule).toBe(schedule);
  });
});
