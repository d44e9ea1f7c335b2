import { PublicAccess } from "../../src/modules/storage/data-lake-bucket";
import type { Environment } from "../../src/stacks/environment";
import { environments } from "../../src/stacks/environments";
import { type SynthesizedStack, synthesizeApp } from "../support/synth";
import { addEnvironment } from "./support";

const all = environments({});
const stacks = synthesizeApp((app) => all.forEach((environment) => addEnvironment(app, environment)));
const dataLake = (name: string) => {
  const stack = stacks[`${name}-data-lake`];
  if (!stack) throw new Error(`no stack ${name}-data-lake`);
  return stack;
};

// An address that changes makes Terraform replace what is behind it: a bucket, a database. Each is part of the public API.
it.each(Object.keys(stacks))("%s keeps its addresses", (name) => {
  expect(stacks[name]?.addresses()).toMatchSnapshot();
});

// Of one environment, so that a change of a default shows once in review; the tests below pin where the others differ. Hashes of
// the Python package are masked: its code changes for reasons of its own.
it("local-data-lake keeps its resources", () => {
  const masked = JSON.parse(dataLake("local").text.replace(/\b[0-9A-F]{32}\b/g, "<hash>"), (key, value: unknown) =>
    key === "//" || key === "backend" ? undefined : value,
  ) as unknown;
  expect(masked).toMatchSnapshot();
});

it.each(Object.keys(stacks))("%s holds no password", (name) => {
  expect(stacks[name]?.text).not.toMatch(/"(password|master_password|secret_string|password_wo)": "(?!\$\{)/);
});

const guards = (name: string) => {
  const stack = dataLake(name);
  const instance = stack.resource("aws_db_instance");
  const prevented = ["aws_db_instance", "aws_kms_key"].map((type) => stack.resource(type));
  const buckets = ["Bucket", "AccessLogs"].map((id) => stack.resource("aws_s3_bucket", id));
  return {
    preventDestroy: [...prevented, ...buckets].map(({ lifecycle }) => lifecycle as { prevent_destroy: boolean }),
    forceDestroy: [...buckets, stack.resource("aws_athena_workgroup")].map(({ force_destroy }) => force_destroy),
    deletionProtection: instance.deletion_protection,
    skipFinalSnapshot: instance.skip_final_snapshot,
    multiAz: instance.multi_az,
  };
};

it.each(["local", "dev"])("%s can be destroyed with all that is in it", (name) => {
  expect(guards(name)).toMatchObject({
    preventDestroy: Array(4).fill({ prevent_destroy: false }) as unknown[],
    forceDestroy: [true, true, true],
    deletionProtection: false,
    skipFinalSnapshot: true,
    multiAz: false,
  });
});

it("prod is guarded in every way, in two zones", () => {
  expect(guards("prod")).toMatchObject({
    preventDestroy: Array(4).fill({ prevent_destroy: true }) as unknown[],
    forceDestroy: [false, false, false],
    deletionProtection: true,
    skipFinalSnapshot: false,
    multiAz: true,
  });
});

it("dev is small and prod is large", () => {
  const sizes = (name: string) => {
    const { instance_class, allocated_storage, backup_retention_period } = dataLake(name).resource("aws_db_instance");
    const { execution_class } = dataLake(name).resource("aws_glue_job", "Backup");
    return { instance_class, allocated_storage, backup_retention_period, execution_class };
  };
  expect(sizes("dev")).toEqual({
    instance_class: "db.t4g.micro",
    allocated_storage: 20,
    backup_retention_period: 7,
    execution_class: "FLEX",
  });
  expect(sizes("prod")).toEqual({
    instance_class: "db.m7g.large",
    allocated_storage: 100,
    backup_retention_period: 35,
    execution_class: "STANDARD",
  });
  const rules = dataLake("prod").resource("aws_s3_bucket_lifecycle_configuration", "Bucket_Lifecycle").rule;
  expect(JSON.stringify(rules)).toContain('"days":400');
});

it("only local talks to this machine, with keys that are nobody's", () => {
  const provider = (name: string) => {
    const { provider } = JSON.parse(dataLake(name).text) as { provider: { aws: Record<string, unknown>[] } };
    return provider.aws[0];
  };
  expect(provider("local")).toMatchObject({ access_key: "local", secret_key: "local" });
  for (const name of ["dev", "prod"]) {
    expect(Object.keys(provider(name) ?? {}).sort()).toEqual(["default_tags", "region"]);
  }
});

it("says which Terraform it needs, to one that is older, too", () => {
  for (const { text } of Object.values(stacks)) {
    const { terraform } = JSON.parse(text) as { terraform: { required_version: string } };
    expect(terraform.required_version).toBe(">= 1.11.0");
  }
});

it("an environment with an open bucket keeps the key for all else", () => {
  const bucket = { publicAccess: PublicAccess.READ_WRITE };
  const environment = { name: "open", region: "eu-central-1", protect: false, sampleData: false, bucket };
  const open = synthesizeApp((app) => addEnvironment(app, environment))["open-data-lake"];
  expect(open?.resource("aws_s3_bucket_server_side_encryption_configuration", "Bucket_Encryption").rule).toMatchObject([
    { apply_server_side_encryption_by_default: { sse_algorithm: "AES256" } },
  ]);
  expect(open?.resource("aws_db_instance").kms_key_id).toBeDefined();
});

describe("the web app", () => {
  const outputs = (change: Partial<Environment>): string[] => {
    const environment = { name: "test", region: "eu-central-1", protect: false, sampleData: false, ...change };
    const stack = synthesizeApp((app) => addEnvironment(app, environment))["test-data-lake"];
    return Object.keys((JSON.parse(stack?.text ?? "{}") as { output: object }).output);
  };

  it("has neither role nor user where nothing is said", () => {
    for (const { name } of all) expect(dataLake(name).text).not.toMatch(/accounts\.google\.com|"aws_iam_user"/);
  });

  it("has a role where its service account is named", () => {
    const told = outputs({ webApp: { googleServiceAccountId: "104752890112345678901" } });
    expect(told).toContain("web_app_role_arn");
    expect(told).not.toContain("image_uploader_user_name");
  });

  it("has a user where one is asked for", () => {
    const told = outputs({ imageUploaderUser: true });
    expect(told).toContain("image_uploader_user_name");
    expect(told).not.toContain("web_app_role_arn");
  });
});

describe("the bastion", () => {
  const tunnelOf = (variables: Record<string, string>, name: string) => {
    const built = synthesizeApp((app) => environments(variables).forEach((one) => addEnvironment(app, one)));
    const stack = built[`${name}-data-lake`];
    const { output } = JSON.parse(stack?.text ?? "{}") as { output: Record<string, { value: unknown }> };
    return { stack, tunnel: output.database_tunnel?.value };
  };

  it("is not there unless a variable asks for it", () => {
    for (const { name } of all) expect(dataLake(name).ids("aws_instance")).toEqual([]);
    expect(tunnelOf({ DEV_BASTION: "true" }, "prod").tunnel).toBeUndefined();
  });

  it.each(["dev", "prod"])("of %s tells the command how to open the tunnel", (name) => {
    const { stack, tunnel } = tunnelOf({ [`${name.toUpperCase()}_BASTION`]: "true" }, name);
    expect(stack?.ids("aws_instance")).toEqual(["Bastion"]);
    expect(Object.keys(tunnel as object)).toEqual(["document_name", "host", "instance_id", "port", "region"]);
    expect(tunnel).toMatchObject({ port: 3306 });
  });
});

describe("DEV_ADMIN_CIDR", () => {
  const cidr = "203.0.113.7/32";
  const lake = synthesizeApp((app) =>
    environments({ DEV_ADMIN_CIDR: cidr }).forEach((environment) => addEnvironment(app, environment)),
  )["dev-data-lake"] as SynthesizedStack;
  const rules = (type: string) => lake.ids(type).map((id) => lake.resource(type, id));

  it("makes the database of dev public", () => {
    expect(lake.resource("aws_db_instance")).toMatchObject({
      publicly_accessible: true,
      depends_on: expect.arrayContaining(["aws_internet_gateway.Network_InternetGateway"]) as unknown,
    });
  });

  it("for that network alone, by security group and by route", () => {
    const open = rules("aws_vpc_security_group_ingress_rule").filter(({ cidr_ipv4 }) => cidr_ipv4 !== undefined);
    expect(open).toEqual([
      expect.objectContaining({
        cidr_ipv4: cidr,
        from_port: 3306,
        to_port: 3306,
        security_group_id: "${aws_security_group.Database_SecurityGroup.id}",
      }),
    ]);
    expect(rules("aws_route")).toEqual([
      {
        route_table_id: "${aws_route_table.Network_PrivateRouteTable.id}",
        destination_cidr_block: cidr,
        gateway_id: "${aws_internet_gateway.Network_InternetGateway.id}",
      },
    ]);
  });

  it("over TLS only", () => {
    expect(lake.resource("aws_db_parameter_group").parameter).toContainEqual(
      expect.objectContaining({ name: "require_secure_transport", value: "1" }),
    );
  });

  it("can be set and taken away on a database that is there: RDS moves none to other subnets", () => {
    expect(lake.resource("aws_db_subnet_group")).toEqual(dataLake("dev").resource("aws_db_subnet_group"));
    const added = lake.addresses().filter((address) => !dataLake("dev").addresses().includes(address));
    expect(added.map((address) => address.replace(/_[0-9A-F]{8}$/, ""))).toEqual([
      "aws_internet_gateway.Network_InternetGateway",
      "aws_route.Network_InternetRoute-203-0-113-7-32",
      "aws_vpc_security_group_ingress_rule.Database_Ingress-203-0-113-7-32",
    ]);
  });

  it("is not for prod", () => {
    expect(() =>
      synthesizeApp((app) =>
        environments({ PROD_ADMIN_CIDR: cidr }).forEach((environment) => addEnvironment(app, environment)),
      ),
    ).toThrow('prod-data-lake: adminCidr must be left out with protect: true, got "203.0.113.7/32": use the bastion');
  });
});

it("tells MySQL Workbench all but the password", () => {
  const { output } = JSON.parse(dataLake("prod").text) as { output: Record<string, { value: unknown }> };
  expect(Object.keys(output)).toEqual(
    expect.arrayContaining([
      "backup_job_name",
      "backup_prefix",
      "bucket",
      "database_endpoint",
      "database_port",
      "images_prefix",
      "master_user_secret_arn",
      "mysql_workbench",
      "user_secret_arns",
    ]),
  );
  expect(output.mysql_workbench?.value).toMatchObject({
    port: 3306,
    username: "admin",
    default_schema: "x_ray",
    use_ssl: "Require and Verify Identity",
    ssl_ca_file: "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem",
  });
});

it("takes endpoints, state buckets and the alarms' address from the variables", () => {
  const [local, dev, prod] = environments({
    AWS_ENDPOINT_URL: "http://127.0.0.1:4566",
    MYSQL_ENDPOINT: "127.0.0.1:13306",
    DEV_STATE_BUCKET: "state-dev",
    PROD_STATE_BUCKET: "state-prod",
    ALARM_EMAIL: "on-call@example.org",
  });
  expect(local?.localEndpoints).toMatchObject({
    aws: "http://127.0.0.1:4566",
    mysql: { host: "127.0.0.1", port: 13306 },
  });
  expect(dev?.stateBucketName).toBe("state-dev");
  expect(prod).toMatchObject({ stateBucketName: "state-prod", alarms: { email: "on-call@example.org" } });
});

test("DEV_ALARM_EMAIL makes the alarms of dev, which follow its small database", () => {
  const dev = environments({ DEV_ALARM_EMAIL: "on-call@example.org" }).find(
    ({ name }) => name === "dev",
  ) as Environment;
  const lake = synthesizeApp((app) => addEnvironment(app, dev))["dev-data-lake"] as SynthesizedStack;
  expect(lake.resource("aws_sns_topic_subscription").endpoint).toBe("on-call@example.org");
  expect(lake.resource("aws_cloudwatch_metric_alarm", "Alarms_Connections").threshold).toBe(51);
  expect(lake.ids("aws_cloudwatch_event_rule")).toEqual([
    "Alarms_BackupFailed",
    "Alarms_DatabaseEvents",
    "Alarms_RestoreFailed",
  ]);
  expect(dataLake("dev").ids("aws_sns_topic")).toEqual([]);
});
