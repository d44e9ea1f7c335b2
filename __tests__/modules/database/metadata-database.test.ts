import type { TerraformStack } from "cdktf";
import { TerraformOutput, TerraformVariable } from "cdktf";
import { DataLakeKey } from "../../../src/modules/common/data-lake-key";
import { DataLakeNetwork } from "../../../src/modules/network/data-lake-network";
import type { IDatabaseSecret } from "../../../src/modules/database/database-secret";
import type { AuditEvent } from "../../../src/modules/database/audit-log";
import { MetadataDatabase } from "../../../src/modules/database/metadata-database";
import type { DatabaseParameter, MetadataDatabaseProps } from "../../../src/modules/database/metadata-database-props";
import { Role } from "../../../src/modules/common/role";
import { refusal, synthesize } from "../../support/synth";

type Props = Omit<MetadataDatabaseProps, "network">;

function database(scope: TerraformStack, props: Props = {}, publicSubnets = false): MetadataDatabase {
  return new MetadataDatabase(scope, "Db", { network: new DataLakeNetwork(scope, "Net", { publicSubnets }), ...props });
}
const synth = (props: Props = {}, publicSubnets = false) =>
  synthesize((scope) => void database(scope, props, publicSubnets));
const keyArn = "arn:aws:kms:eu-central-1:123456789012:key/1";
const withKey = (build: (db: MetadataDatabase, scope: TerraformStack) => void, props: Props = {}) =>
  synthesize((scope) => {
    const encryptionKey = DataLakeKey.fromKeyArn(scope, "Key", keyArn);
    build(database(scope, { encryptionKey, ...props }), scope);
  });

describe("defaults", () => {
  const stack = synth();

  it("makes a private, encrypted instance that is kept", () => {
    expect(stack.resource("aws_db_instance")).toEqual({
      identifier: "test-db",
      engine: "mysql",
      engine_version: "8.4",
      instance_class: "db.t4g.medium",
      auto_minor_version_upgrade: true,
      parameter_group_name: "${aws_db_parameter_group.Db_ParameterGroup.name}",
      username: "admin",
      manage_master_user_password: true,
      iam_database_authentication_enabled: true,
      storage_type: "gp3",
      allocated_storage: 20,
      max_allocated_storage: 100,
      storage_encrypted: true,
      port: 3306,
      multi_az: false,
      db_subnet_group_name: "${aws_db_subnet_group.Db_SubnetGroup.name}",
      vpc_security_group_ids: ["${aws_security_group.Db_SecurityGroup.id}"],
      publicly_accessible: false,
      enabled_cloudwatch_logs_exports: ["error", "slowquery", "iam-db-auth-error"],
      monitoring_interval: 60,
      monitoring_role_arn: "${aws_iam_role.Db_MonitoringRole.arn}",
      performance_insights_enabled: true,
      performance_insights_retention_period: 7,
      backup_retention_period: 7,
      copy_tags_to_snapshot: true,
      delete_automated_backups: false,
      deletion_protection: true,
      skip_final_snapshot: false,
      final_snapshot_identifier:
        'test-db-final-${formatdate("YYYYMMDDhhmmss", terraform_data.Db_FinalSnapshot.output["created"])}',
      lifecycle: { prevent_destroy: true },
      depends_on: ["error", "slowquery", "iam-db-auth-error"].map((log) => `aws_cloudwatch_log_group.Db_${log}-log`),
    });
  });

  it("speaks TLS only and logs slow statements", () => {
    expect(stack.resource("aws_db_parameter_group")).toEqual({
      name_prefix: "test-db-",
      family: "mysql8.4",
      description: "TLS only, slow log to CloudWatch",
      parameter: [
        { name: "require_secure_transport", value: "1" },
        { name: "slow_query_log", value: "1" },
        { name: "long_query_time", value: "2" },
        { name: "log_output", value: "FILE" },
      ],
      lifecycle: { create_before_destroy: true, ignore_changes: ["name_prefix"] },
    });
  });

  it("makes the log groups before RDS does", () => {
    expect(stack.resource("aws_cloudwatch_log_group", "Db_slowquery-log")).toEqual({
      name: "/aws/rds/instance/test-db/slowquery",
      retention_in_days: 14,
      skip_destroy: true,
    });
    expect(stack.resource("aws_cloudwatch_log_group", "Db_error-log").retention_in_days).toBe(400);
    const unkept = synth({ preventDestroy: false }).resource("aws_cloudwatch_log_group", "Db_slowquery-log");
    expect(unkept.skip_destroy).toBe(false);
  });

  it("stands in both private subnets and lets nobody in", () => {
    expect(stack.resource("aws_db_subnet_group").subnet_ids).toEqual([
      "${aws_subnet.Net_PrivateSubnet1.id}",
      "${aws_subnet.Net_PrivateSubnet2.id}",
    ]);
    expect(stack.ids("aws_vpc_security_group_ingress_rule")).toEqual([]);
    expect(stack.warnings).toEqual([]);
  });
});

describe("props", () => {
  it("takes every size and name", () => {
    expect(
      synth({
        allocatedStorageGib: 100,
        backupRetentionDays: 35,
        engineVersion: "8.4.6",
        instanceClass: "db.m7g.large",
        instanceIdentifier: "x-ray",
        maxAllocatedStorageGib: 110,
        multiAz: true,
      }).resource("aws_db_instance"),
    ).toMatchObject({
      allocated_storage: 100,
      backup_retention_period: 35,
      engine_version: "8.4.6",
      instance_class: "db.m7g.large",
      identifier: "x-ray",
      max_allocated_storage: 110,
      multi_az: true,
    });
  });

  it("can be destroyed when every guard is taken away", () => {
    const stack = withKey((db) => void db.addUser("app"), {
      preventDestroy: false,
      deletionProtection: false,
      deleteAutomatedBackups: true,
      skipFinalSnapshot: true,
    });
    const instance = stack.resource("aws_db_instance");
    expect(instance).toMatchObject({
      deletion_protection: false,
      delete_automated_backups: true,
      skip_final_snapshot: true,
      lifecycle: { prevent_destroy: false },
    });
    expect(instance).not.toHaveProperty("final_snapshot_identifier");
    expect(stack.resource("aws_secretsmanager_secret")).toMatchObject({ recovery_window_in_days: 0 });
  });

  it("encrypts storage, master secret, insights and logs with the key", () => {
    const stack = withKey(() => undefined, { logRetentionDays: 30 });
    expect(stack.resource("aws_db_instance")).toMatchObject({
      kms_key_id: keyArn,
      master_user_secret_kms_key_id: keyArn,
      performance_insights_kms_key_id: keyArn,
    });
    expect(stack.resource("aws_cloudwatch_log_group", "Db_error-log")).toMatchObject({
      kms_key_id: keyArn,
      retention_in_days: 30,
    });
  });

  it.each(["db.t4g.micro", "db.t3.small"])("leaves Performance Insights out on %s, which has none", (instanceClass) => {
    expect(synth({ instanceClass }).resource("aws_db_instance")).not.toHaveProperty("performance_insights_enabled");
  });

  it("never lets storage grow past what gp3 has", () => {
    expect(synth({ allocatedStorageGib: 20_000 }).resource("aws_db_instance").max_allocated_storage).toBe(65_536);
  });

  it("takes tokens for sizes and names", () => {
    const stack = synthesize((scope) => {
      const size = new TerraformVariable(scope, "size", { type: "number" });
      const name = new TerraformVariable(scope, "name", { type: "string" });
      database(scope, {
        allocatedStorageGib: size.numberValue,
        instanceClass: name.stringValue,
        instanceIdentifier: name.stringValue,
      });
    });
    expect(stack.resource("aws_db_instance")).toMatchObject({
      allocated_storage: "${var.size}",
      max_allocated_storage: "${min((5 * var.size), 65536)}",
      instance_class: "${var.name}",
    });
    expect(stack.resource("aws_cloudwatch_log_group", "Db_error-log").name).toBe("/aws/rds/instance/${var.name}/error");
  });
});

describe("engineVersion", () => {
  const instance = (props: Props) => synth(props).resource("aws_db_instance");

  it.each<[string | undefined, boolean, string]>([
    [undefined, true, "mysql8.4"],
    ["8.4", true, "mysql8.4"],
    ["8.4.3", false, "mysql8.4"],
    ["8.0", true, "mysql8.0"],
    ["8.0.40", false, "mysql8.0"],
    ["9.7", true, "mysql9.7"],
  ])(
    "%s: minor versions are RDS's own to take: %s, and the parameters are of %s",
    (engineVersion, upgrades, family) => {
      const stack = synth({ engineVersion });
      expect(stack.resource("aws_db_instance")).toMatchObject({
        engine_version: engineVersion ?? "8.4",
        auto_minor_version_upgrade: upgrades,
      });
      expect(stack.resource("aws_db_parameter_group").family).toBe(family);
    },
  );

  it("may stay as it is", () => {
    expect(instance({ autoMinorVersionUpgrade: false }).auto_minor_version_upgrade).toBe(false);
    expect(instance({ engineVersion: "8.4.3", autoMinorVersionUpgrade: false }).auto_minor_version_upgrade).toBe(false);
  });

  it("may be a token, of which Terraform takes family and upgrades", () => {
    const stack = synthesize((scope) => {
      database(scope, { engineVersion: new TerraformVariable(scope, "v", { type: "string" }).stringValue });
    });
    expect(stack.resource("aws_db_instance").auto_minor_version_upgrade).toBe('${(length(split(".", var.v)) == 2)}');
    expect(stack.resource("aws_db_parameter_group").family).toBe(
      '${join("", ["mysql", join(".", slice(split(".", var.v), 0, 2))])}',
    );
  });

  it("may be another major one where that is allowed, and then at once", () => {
    expect(instance({ engineVersion: "8.4", allowMajorVersionUpgrade: true })).toMatchObject({
      allow_major_version_upgrade: true,
      apply_immediately: true,
    });
    expect(instance({})).not.toHaveProperty("apply_immediately");
  });
});

describe("parameters", () => {
  it("are added, and go before the construct's own", () => {
    const parameters: DatabaseParameter[] = [
      { name: "max_connections", value: "200", applyMethod: "pending-reboot" },
      { name: "long_query_time", value: "0.5" },
      { name: "init_connect", value: "SET @a = '%{b} ${c}'" },
    ];
    expect(synth({ parameters }).resource("aws_db_parameter_group").parameter).toEqual([
      { name: "require_secure_transport", value: "1" },
      { name: "slow_query_log", value: "1" },
      { name: "log_output", value: "FILE" },
      { name: "max_connections", value: "200", apply_method: "pending-reboot" },
      { name: "long_query_time", value: "0.5" },
      { name: "init_connect", value: "SET @a = '%%{b} $${c}'" },
    ]);
  });
});

describe("publiclyAccessible", () => {
  it("moves to the public subnets and warns", () => {
    const stack = synth({ publiclyAccessible: true }, true);
    expect(stack.resource("aws_db_instance").publicly_accessible).toBe(true);
    expect(stack.resource("aws_db_subnet_group").subnet_ids).toEqual([
      "${aws_subnet.Net_PublicSubnet1.id}",
      "${aws_subnet.Net_PublicSubnet2.id}",
    ]);
    expect(stack.warnings).toEqual([
      "publiclyAccessible: the database has an address on the internet; only allowedCidrs and TLS stand before it",
    ]);
  });

  it("is refused without public subnets", () => {
    expect(refusal((scope) => database(scope, { publiclyAccessible: true }))).toBe(
      "test/Db: publiclyAccessible needs a network with two public subnets, got 0: set publicSubnets or internetCidrs on the network",
    );
  });
});

describe("an instance that was made in the console", () => {
  it("stays in its subnet group, with its master user", () => {
    const stack = synth({ masterUsername: "root", subnetGroupName: "default", publiclyAccessible: true });
    expect(stack.ids("aws_db_subnet_group")).toEqual([]);
    expect(stack.resource("aws_db_instance")).toMatchObject({
      username: "root",
      db_subnet_group_name: "default",
      publicly_accessible: true,
    });
  });

  it("stays unencrypted, with a key for all that can have one, and warns", () => {
    const stack = withKey((db) => void db.addUser("xray_app"), { storageEncrypted: false });
    const instance = stack.resource("aws_db_instance");
    expect(instance).toMatchObject({ storage_encrypted: false, master_user_secret_kms_key_id: keyArn });
    expect(instance).not.toHaveProperty("kms_key_id");
    expect(stack.resource("aws_secretsmanager_secret").kms_key_id).toBe(keyArn);
    expect(stack.warnings).toEqual([
      "storageEncrypted false: disk, snapshots and automated backups can be read by whoever gets hold of them; copy a " +
        "snapshot with a key and restore it",
    ]);
  });

  it("can be imported", () => {
    const stack = synthesize((scope) => {
      database(scope).resource.importFrom("database-1");
    });
    expect((JSON.parse(stack.text) as { import: unknown }).import).toEqual([
      { id: "database-1", to: expect.stringMatching(/^aws_db_instance\.Db_[0-9A-F]{8}$/) as unknown },
    ]);
  });
});

describe("who may connect", () => {
  it("opens the port to a security group and to networks, and warns of the whole internet", () => {
    const stack = synthesize((scope) => {
      const db = database(scope, { allowedCidrs: ["10.1.0.0/16", "0.0.0.0/0"] });
      db.allowConnectionsFrom("sg-1", "web app");
    });
    const rule = {
      security_group_id: "${aws_security_group.Db_SecurityGroup.id}",
      ip_protocol: "tcp",
      from_port: 3306,
      to_port: 3306,
    };
    expect(stack.resource("aws_vpc_security_group_ingress_rule", "Db_Ingress-web-app")).toEqual({
      ...rule,
      referenced_security_group_id: "sg-1",
      description: "web app",
    });
    expect(stack.resource("aws_vpc_security_group_ingress_rule", "Db_Ingress-10-1-0-0-16")).toEqual({
      ...rule,
      cidr_ipv4: "10.1.0.0/16",
      description: "10.1.0.0/16",
    });
    expect(stack.warnings).toEqual(["allowedCidrs 0.0.0.0/0: everybody who reaches the network can try to log in"]);
  });

  it("refuses a description twice, one that EC2 refuses, and a token, which names nothing", () => {
    expect(
      refusal((scope) => {
        const db = database(scope);
        db.allowConnectionsFrom("sg-1", "web app");
        db.allowConnectionsFrom("sg-2", "web-app");
      }),
    ).toBe('test/Db: connections from "web-app" are allowed twice: give each source its own description');
    expect(refusal((scope) => database(scope).allowConnectionsFrom("sg-1", "the doctor's app"))).toBe(
      "test/Db: the description of a connection must be 1 to 255 letters, digits, spaces and ._-:/()#,@[]+=&;{}!$* as " +
        'EC2 takes them, got "the doctor\'s app"',
    );
    expect(refusal((scope) => database(scope).allowConnectionsFrom("sg-1", undefined as never))).toContain(
      'them, got ""',
    );
    expect(refusal((scope) => database(scope).allowConnectionsFrom("my-group", "web app"))).toBe(
      'test/Db: the security group of a connection must be an id such as sg-0123456789abcdef0, got "my-group"',
    );
    expect(
      refusal((scope) => {
        const cidr = new TerraformVariable(scope, "cidr", { type: "string" });
        database(scope, { allowedCidrs: [cidr.stringValue] });
      }),
    ).toBe("test/Db: allowedCidrs must be known at synth: each network names its rule, got a token");
  });
});

describe("addUser and userSecret", () => {
  it("makes one secret in RDS's shape, whose password is in no state", () => {
    const stack = withKey((db) => {
      const secret = db.addUser("xray_app", { passwordVersion: 3 });
      expect(db.userSecret("xray_app")).toBe(secret);
      expect(db.secretForUser("xray_app")).toBe(secret);
    });
    expect(stack.resource("aws_secretsmanager_secret")).toEqual({
      name_prefix: "test-db/xray_app-",
      description: "Log-in of the database user xray_app",
      kms_key_id: keyArn,
      recovery_window_in_days: 30,
      lifecycle: { ignore_changes: ["name", "name_prefix"] },
    });
    expect(stack.resource("aws_secretsmanager_secret_version")).toEqual({
      secret_id: "${aws_secretsmanager_secret.Db_xray_app-secret.arn}",
      secret_string_wo:
        '${jsonencode({"engine" = "mysql", "host" = aws_db_instance.Db.address, "port" = 3306, "username" = "xray_app", ' +
        '"password" = ephemeral.aws_secretsmanager_random_password.Db_xray_app-secret_Password.random_password, "dbname" = "x_ray"})}',
      secret_string_wo_version: 3,
      lifecycle: { replace_triggered_by: ["terraform_data.Db_xray_app-secret_Content"] },
    });
    expect(stack.addresses()).toContainEqual(
      expect.stringMatching(/^ephemeral\.aws_secretsmanager_random_password\.Db_xray_app-secret_Password_/),
    );
  });

  it.each<[string, ((db: MetadataDatabase) => IDatabaseSecret)[]]>([
    ["before", [(db) => db.addUser("xray_app", { passwordVersion: 2 }), (db) => db.addUser("xray_app")]],
    ["after", [(db) => db.addUser("xray_app"), (db) => db.addUser("xray_app", { passwordVersion: 2 })]],
    ["after, by the older method,", [(db) => db.secretForUser("xray_app"), (db) => db.secretForUser("xray_app", 2)]],
  ])("takes the version that is given %s another call without one", (_, calls) => {
    const stack = withKey((db) => expect(new Set(calls.map((call) => call(db))).size).toBe(1));
    expect(stack.resource("aws_secretsmanager_secret_version").secret_string_wo_version).toBe(2);
  });

  it("reads the secret of an added user only", () => {
    const read = (...added: string[]): string =>
      refusal((scope) => {
        const db = database(scope);
        for (const user of added) db.addUser(user);
        db.userSecret("xray_app");
      });
    expect(read()).toBe('test/Db: userSecret must name an added user (none), got "xray_app": call addUser first');
    expect(read("xray_backup", "xray_purge")).toBe(
      'test/Db: userSecret must name an added user (xray_backup, xray_purge), got "xray_app": call addUser first',
    );
  });

  it.each<[string, Props, Record<string, unknown>]>([
    ["the instance's name", { instanceIdentifier: "other" }, { server: "other" }],
    ["the endpoint", { clientEndpoint: { host: "proxy", port: 3307 } }, { server: "proxy", port: 3307 }],
    ["the database", { databaseName: "other" }, { dbname: "other" }],
  ])("renews a secret, and names it alike, with another %s", (_, props, change) => {
    const [before, after] = [{}, props].map((given) => withKey((db) => void db.addUser("xray_app"), given));
    expect(before?.resource("terraform_data", "Db_xray_app-secret_Content").input).toEqual({
      username: "xray_app",
      server: "test-db",
      port: 3306,
      dbname: "x_ray",
    });
    expect(after?.resource("terraform_data", "Db_xray_app-secret_Content").input).toEqual({
      ...(before?.resource("terraform_data", "Db_xray_app-secret_Content").input as object),
      ...change,
    });
    expect(after?.resource("aws_secretsmanager_secret").name_prefix).toBe("test-db/xray_app-");
  });

  it("gives a user the number of what is in its secret", () => {
    const stack = withKey((db, scope) => {
      new TerraformOutput(scope, "version", { value: db.addUser("xray_app").passwordVersion, staticId: true });
    });
    const { output } = JSON.parse(stack.text) as { output: { version: { value: string } } };
    expect(output.version.value).toMatch(
      /^\$\{parseint\(substr\(sha256\(aws_secretsmanager_secret_version\.Db_xray_app-secret_Version\w*\.version_id\), 0, 7\), 16\)\}$/,
    );
  });

  it.each([
    ["admin", {}],
    ["Admin", {}],
    ["head", { masterUsername: "head" }],
  ] satisfies [string, Props][])(
    "refuses the master user as a user, whose password RDS keeps (%s)",
    (username, props) => {
      const message = `test/Db: addUser must not name the master user, got "${username}": RDS keeps its password, see masterUserSecretArn`;
      expect(refusal((scope) => database(scope, props).addUser(username))).toBe(message);
      expect(refusal((scope) => database(scope, props).secretForUser(username))).toBe(message);
    },
  );

  it.each(["rdsadmin", "RDSADMIN", "rdsrepladmin"])(
    "refuses a master user that RDS keeps for itself (%s)",
    (masterUsername) => {
      expect(refusal((scope) => database(scope, { masterUsername }))).toBe(
        `test/Db: masterUsername must not be a name that RDS keeps for itself, got "${masterUsername}"`,
      );
      expect(synth({ masterUsername: "root" }).resource("aws_db_instance").username).toBe("root");
    },
  );

  it("refuses a database that is the server's own", () => {
    expect(refusal((scope) => database(scope, { databaseName: "mysql" }))).toBe(
      `test/Db: databaseName must not be one of the server's own databases, got "mysql"`,
    );
  });

  it.each([
    ["10.0.0.0/8", 0],
    ["172.16.0.0/12", 0],
    ["192.168.0.0/16", 0],
    ["203.0.113.0/24", 0],
    ["203.0.113.7/32", 0],
    ["10.0.0.0/7", 1],
    ["172.0.0.0/11", 1],
    ["192.168.0.0/15", 1],
    ["0.0.0.0/1", 1],
    ["203.0.0.0/16", 1],
    ["0.0.0.0/0", 1],
  ])("warns of a network that is wider than a private one (%s: %i)", (cidr, count) => {
    const warnings = synth({ allowedCidrs: [cidr] }).warnings.filter((text) => text.includes(cidr));
    expect(warnings).toHaveLength(count);
  });

  it("refuses a user name that MySQL refuses, two versions of one password, and version 0", () => {
    expect(refusal((scope) => database(scope).addUser("x'; --"))).toBe(
      'test/Db: username must be 1 to 32 letters, digits and underscores, got "x\'; --"',
    );
    expect(
      refusal((scope) => {
        const db = database(scope);
        db.addUser("xray_app", { passwordVersion: 1 });
        db.addUser("xray_app", { passwordVersion: 2 });
      }),
    ).toBe("test/Db: user xray_app must have one passwordVersion, got 1 and 2: give it in one call of addUser");
    expect(refusal((scope) => database(scope).addUser("xray_app", { passwordVersion: 0 }))).toBe(
      "test/Db: passwordVersion must be a whole number from 1 to 1000000, got 0",
    );
  });
});

describe("grants", () => {
  const granted = (grant: (db: MetadataDatabase, role: Role) => void) =>
    withKey((db, scope) =>
      grant(db, new Role(scope, "App", { assumedBy: { type: "Service", identifiers: ["ec2.amazonaws.com"] } })),
    ).statements("App_Policy");

  it("readSecret: one secret, and its key through Secrets Manager", () => {
    const grantRead = (db: MetadataDatabase, role: Role) => {
      db.addUser("xray_app");
      db.grantReadSecret(role, "xray_app");
    };
    expect(granted(grantRead)).toMatchObject([
      {
        actions: ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
        resources: ["${aws_secretsmanager_secret_version.Db_xray_app-secret_Version.secret_id}"],
      },
      { actions: ["kms:Decrypt", "kms:DescribeKey"], resources: [keyArn], condition: [{ variable: "kms:ViaService" }] },
    ]);
  });
});

describe("audit log", () => {
  it("writes log-ins down, without statements, and keeps them as long as other logs", () => {
    const stack = synth({ auditLog: {} });
    expect(stack.resource("aws_db_option_group")).toEqual({
      name_prefix: "test-db-",
      engine_name: "mysql",
      major_engine_version: "8.4",
      option_group_description: "Audit log",
      option: [
        {
          option_name: "MARIADB_AUDIT_PLUGIN",
          option_settings: [
            { name: "SERVER_AUDIT_EVENTS", value: "CONNECT" },
            { name: "SERVER_AUDIT_EXCL_USERS", value: "rdsadmin" },
          ],
        },
      ],
      skip_destroy: true,
      lifecycle: { create_before_destroy: true, ignore_changes: ["name_prefix"] },
    });
    expect(stack.resource("aws_db_instance")).toMatchObject({
      option_group_name: "${aws_db_option_group.Db_OptionGroup.name}",
      enabled_cloudwatch_logs_exports: ["audit", "error", "slowquery", "iam-db-auth-error"],
    });
    expect(stack.resource("aws_cloudwatch_log_group", "Db_audit-log")).toMatchObject({
      name: "/aws/rds/instance/test-db/audit",
      retention_in_days: 400,
    });
    expect(stack.warnings).toEqual([]);
  });

  it.each<[AuditEvent[], string[]]>([
    [["CONNECT", "QUERY_DDL", "QUERY_DCL"], []],
    [
      ["CONNECT", "QUERY_DML", "QUERY"],
      ["auditLog.events QUERY_DML, QUERY: the log holds the values of rows, names of images among them"],
    ],
  ])("keeps a log of %j as short as the slow log, and warns of values", (events, warnings) => {
    const stack = synth({ auditLog: { events }, statementLogRetentionDays: 7 });
    for (const log of ["audit", "slowquery"]) {
      expect(stack.resource("aws_cloudwatch_log_group", `Db_${log}-log`).retention_in_days).toBe(7);
    }
    expect(stack.warnings).toEqual(warnings.map((warning) => expect.stringContaining(warning)));
  });

  it.each([
    ["8.0", "8.0"],
    ["8.0.28", "8.0"],
    ["8.4.3", "8.4"],
  ])("is of the version that the instance has: %s", (engineVersion, major) => {
    const stack = synth({ auditLog: {}, engineVersion });
    expect(stack.resource("aws_db_option_group").major_engine_version).toBe(major);
  });
});

describe("refusals", () => {
  it.each<[Props, string]>([
    [{ allocatedStorageGib: 19 }, "allocatedStorageGib must be a whole number from 20 to 59578, got 19"],
    [{ maxAllocatedStorageGib: 21 }, "maxAllocatedStorageGib must be a whole number from 22 to 65536, got 21"],
    [
      { auditLog: {}, engineVersion: "9.1" },
      'auditLog needs engineVersion 8.4, or 8.0 from 8.0.28 on, got "9.1": RDS has no audit plugin for it',
    ],
    [
      { auditLog: {}, engineVersion: "8.0.27" },
      'auditLog needs engineVersion 8.4, or 8.0 from 8.0.28 on, got "8.0.27": RDS has no audit plugin for it',
    ],
    [{ auditLog: { events: [] } }, "auditLog.events must name an event, got none: leave auditLog out"],
    [
      { auditLog: { events: ["TABLE" as AuditEvent] } },
      'auditLog.events must be one of CONNECT, QUERY_DDL, QUERY_DCL, QUERY_DML_NO_SELECT, QUERY_DML, QUERY, got "TABLE"',
    ],
    [
      { statementLogRetentionDays: 10 },
      "statementLogRetentionDays must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, " +
        "2192, 2557, 2922, 3288, 3653, got 10",
    ],
    [
      { allocatedStorageGib: 100, maxAllocatedStorageGib: 109 },
      "maxAllocatedStorageGib must be a whole number from 110 to 65536, got 109",
    ],
    [{ backupRetentionDays: 6 }, "backupRetentionDays must be a whole number from 7 to 35, got 6"],
    [{ backupRetentionDays: 36 }, "backupRetentionDays must be a whole number from 7 to 35, got 36"],
    [
      { logRetentionDays: 10 },
      "logRetentionDays must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, " +
        "2192, 2557, 2922, 3288, 3653, got 10",
    ],
    ...["5.7", "8", "8.1", "8.4.", "8.4.3.1", "v8.4", "latest"].map((engineVersion): [Props, string] => [
      { engineVersion },
      `engineVersion must be 8.0, 8.4 or 9.<number>, alone or with a third number, got "${engineVersion}"`,
    ]),
    [
      { engineVersion: "8.4.3", autoMinorVersionUpgrade: true },
      'autoMinorVersionUpgrade must be left out with three numbers, got engineVersion "8.4.3": after an upgrade each plan ' +
        "would ask for a downgrade, which RDS refuses; name two",
    ],
    [
      { parameters: [{ name: "require_secure_transport", value: "0" }] },
      "parameters must not name require_secure_transport: all clients log in over TLS",
    ],
    [
      {
        parameters: [
          { name: "max_connections", value: "1" },
          { name: "max_connections", value: "2" },
        ],
      },
      "parameters must name each once, got max_connections twice",
    ],
    [
      { parameters: [{ name: "max_connections", value: 200 as never }] },
      "parameters max_connections must have a text as its value, got 200",
    ],
    [
      { parameters: [{ name: "max-connections ", value: "1" }] },
      'parameters name must be a parameter\'s name such as max_connections, got "max-connections "',
    ],
    [
      { parameters: [{ name: "max_connections", value: "1", applyMethod: "now" as never }] },
      'parameters max_connections applyMethod must be one of immediate, pending-reboot, got "now"',
    ],
    [
      { instanceClass: "t4g.micro" },
      'instanceClass must be an RDS instance class such as db.t4g.medium, got "t4g.micro"',
    ],
    ...["X", "1x", "a--b", "a-", "a".repeat(64)].map((instanceIdentifier): [Props, string] => [
      { instanceIdentifier },
      "instanceIdentifier must be up to 63 lower-case letters, digits and single hyphens that start with a letter, " +
        `got "${instanceIdentifier}"`,
    ]),
    ...["", "1a", "a-b", "a".repeat(17)].map((masterUsername): [Props, string] => [
      { masterUsername },
      `masterUsername must be 1 to 16 letters, digits and underscores that start with a letter, got "${masterUsername}"`,
    ]),
    [
      { subnetGroupName: "a/b" },
      'subnetGroupName must be 1 to 255 letters, digits, blanks, dots, hyphens and underscores, got "a/b"',
    ],
    [
      { databaseName: "x-ray" },
      'databaseName must be a letter and up to 47 letters, digits and underscores, got "x-ray"',
    ],
    ...["10.0.0.0", "10.0.0.1/24", "10.0.0.0/33", "300.0.0.0/8", "::/0", "10.0.0.0/8/8"].map(
      (cidr): [Props, string] => [
        { allowedCidrs: [cidr] },
        `allowedCidrs must be an IPv4 network such as 10.0.0.0/16 with a mask from /0 to /32, got "${cidr}"`,
      ],
    ),
  ])("refuses %j", (props, message) => {
    expect(refusal((scope) => database(scope, props))).toBe(`test/Db: ${message}`);
  });
});
