import { environments } from "../../src/stacks/environments";
import { synthesizeApp } from "../support/synth";
import { addEnvironment } from "./support";

// The environment that has every job, with a bastion.
const local = environments({})
  .filter(({ name }) => name === "local")
  .map((environment) => ({ ...environment, bastion: {}, webApp: { googleServiceAccountId: "104752890112345678901" } }));
const stack = synthesizeApp((app) => local.forEach((environment) => addEnvironment(app, environment)))[
  "local-data-lake"
];
if (!stack) throw new Error("no stack local-data-lake");

interface Statement {
  readonly actions: string[];
  readonly resources: string[];
  readonly principals?: { type: string; identifiers: string[] }[];
  readonly condition?: { test: string; variable: string; values: string[] }[];
}
const statementsOf = (id: string): Statement[] => stack.statements(id) as unknown as Statement[];

/** References in a form to read: the ARN of a resource as `<type.id>`, the fields that all ARNs share left out. */
function readable(arn: string): string {
  return arn
    .replace(/\$\{element\(split\(":", [^)]*\), \d\)\}/g, "")
    .replace(/^\$\{join\("\/", \[element\(.*kms_key_policy.*$/, "<key>")
    .replace(/^\$\{join\("\/", \[([\w.-]+)\.arn, "(.*)"\]\)\}$/, (_, id: string, rest: string) =>
      [`<${id}>`, ...rest.split('", "')].join("/"),
    )
    .replace(/\$\{(aws_[\w.-]+)\.(?:arn|id|secret_id)\}/g, "<$1>")
    .replace(/[0-9A-F]{32}/g, "<hash>");
}

/** Rights of a role: actions, resources and conditions. */
function table(id: string): string[][] {
  return statementsOf(id).map(({ actions, resources, condition = [] }) => [
    actions.join(" "),
    resources.map(readable).join(" "),
    condition.map(({ variable }) => variable).join(" "),
  ]);
}

describe("what each role may do", () => {
  const lake = "<aws_s3_bucket.Bucket>";
  const backup = `${lake}/backup/v1`;
  const PUT = "s3:PutObject s3:AbortMultipartUpload s3:ListMultipartUploadParts";
  /** Each object once: never over another. */
  const create = (folder: string): string[][] => [
    ["s3:PutObject", `${folder}/*`, "s3:if-none-match"],
    ["s3:PutObject", `${folder}/*`, "s3:ObjectCreationOperation"],
    ["s3:AbortMultipartUpload s3:ListMultipartUploadParts", `${folder}/*`, ""],
  ];
  const encrypt = ["kms:Decrypt kms:DescribeKey kms:GenerateDataKey", "<key>", "kms:ViaService"];
  const decrypt = ["kms:Decrypt kms:DescribeKey", "<key>", "kms:ViaService"];

  /** Rights of every job: its own code, connection, secret and logs. */
  function commonRights(job: string, script: string, user: string): string[][] {
    const code = `${lake}/glue-assets/local-data-lake-${job.toLowerCase()}/<hash>`;
    const logs =
      `arn::logs:::log-group:/aws-glue/jobs/local-data-lake-${job.toLowerCase()}/` +
      `\${aws_glue_security_configuration.${job}_SecurityConfiguration.name}-role/\${aws_iam_role.${job}_Role.name}`;
    return [
      [
        "secretsmanager:DescribeSecret secretsmanager:GetSecretValue",
        `<aws_secretsmanager_secret_version.Database_${user}-secret_Version>`,
        "",
      ],
      decrypt,
      ["glue:GetConnection", `arn::glue:::catalog <aws_glue_connection.${job}_Connection>`, ""],
      [
        "ec2:CreateNetworkInterface",
        `arn::ec2:::subnet/<aws_subnet.Network_PrivateSubnet1> <aws_security_group.${job}_Connection_SecurityGroup> ` +
          "arn::ec2:::network-interface/*",
        "",
      ],
      ["ec2:DeleteNetworkInterface", "arn::ec2:::network-interface/*", "ec2:Subnet"],
      ["ec2:CreateTags ec2:DeleteTags", "arn::ec2:::network-interface/*", "aws:TagKeys aws:TagKeys"],
      [
        "ec2:DescribeNetworkInterfaces ec2:DescribeRouteTables ec2:DescribeSecurityGroups ec2:DescribeSubnets " +
          "ec2:DescribeVpcAttribute ec2:DescribeVpcEndpoints",
        "*",
        "",
      ],
      ["s3:GetObject", `${code}/xray_backup.zip`, ""],
      decrypt,
      ["s3:GetObject", `${code}/${script}`, ""],
      [
        "logs:AssociateKmsKey logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents",
        ["error", "output"]
          .map((log) => `${logs}/${log}`)
          .map((group) => `${group} ${group}:*`)
          .join(" "),
        "",
      ],
      ["glue:GetSecurityConfiguration", "*", ""],
      ["cloudwatch:PutMetricData", "*", "cloudwatch:namespace"],
    ];
  }
  const list = [
    ["s3:GetBucketLocation", lake, ""],
    ["s3:ListBucket", lake, "s3:prefix"],
  ];

  it("the backup job: read all backups, add to them, delete nothing", () => {
    expect(table("Backup_Role_Policy")).toEqual([
      ...commonRights("Backup", "job_backup.py", "xray_backup"),
      ...list,
      ["s3:GetObject", `${backup}/*`, ""],
      ...create(`${backup}/snapshot`),
      encrypt,
      ...create(`${backup}/archive`),
      ...create(`${backup}/catalog`),
      ...create(`${backup}/_manifests`),
      ...create(`${backup}/_locks`),
      ...create(`${backup}/_checks`),
    ]);
  });

  it("the purge job: read the archive, write its own log and its checks, and nothing else", () => {
    expect(table("Purge_Role_Policy")).toEqual([
      ...commonRights("Purge", "job_purge.py", "xray_purge"),
      ...list,
      ["s3:GetObject", `${backup}/archive/*`, ""],
      ["s3:ListBucket", lake, "s3:prefix"],
      ["s3:GetObject", `${backup}/_manifests/*`, ""],
      ["s3:ListBucket", lake, "s3:prefix"],
      ["s3:GetObject", `${backup}/_purges/*`, ""],
      ["s3:ListBucket", lake, "s3:prefix"],
      ["s3:GetObject", `${backup}/_checks/*`, ""],
      ...create(`${backup}/_purges`),
      encrypt,
      ...create(`${backup}/_checks`),
    ]);
  });

  it("the restore job: read all backups, write its lock, its record and its checks", () => {
    expect(table("Restore_Role_Policy")).toEqual([
      ...commonRights("Restore", "job_restore.py", "xray_restore"),
      ...list,
      ["s3:GetObject", `${backup}/*`, ""],
      ...create(`${backup}/_locks`),
      encrypt,
      ...create(`${backup}/_restores`),
      ...create(`${backup}/_checks`),
      ["s3:GetLifecycleConfiguration", lake, ""],
    ]);
  });

  it("RDS, to write enhanced monitoring", () => {
    expect(table("Database_MonitoringRole_Policy")).toEqual([
      [
        "logs:CreateLogGroup logs:CreateLogStream logs:DescribeLogStreams logs:GetLogEvents logs:PutLogEvents " +
          "logs:PutRetentionPolicy",
        "arn::logs:::log-group:RDSOSMetrics:*",
        "",
      ],
    ]);
  });

  it("the web app: look for an image, upload it, read how to log in", () => {
    expect(table("WebApp_Policy")).toEqual([
      ["s3:GetBucketLocation", lake, ""],
      ["s3:ListBucket", lake, "s3:prefix"],
      [PUT, `${lake}/xray-images/*`, ""],
      encrypt,
      [
        "secretsmanager:DescribeSecret secretsmanager:GetSecretValue",
        "<aws_secretsmanager_secret_version.Database_xray_app-secret_Version>",
        "",
      ],
      decrypt,
    ]);
  });

  it("the bastion: talk to Systems Manager, read no parameter, take no command", () => {
    expect(table("Bastion_Role_Policy")).toEqual([
      [
        "ssm:UpdateInstanceInformation ssmmessages:CreateControlChannel ssmmessages:CreateDataChannel " +
          "ssmmessages:OpenControlChannel ssmmessages:OpenDataChannel",
        "*",
        "",
      ],
    ]);
  });

  it("and nobody may delete an object or a version", () => {
    expect(stack.text).not.toMatch(/s3:Delete/);
  });

  it("and there is no other role, and no user", () => {
    expect(stack.ids("aws_iam_role")).toEqual([
      "Backup_Role",
      "Bastion_Role",
      "Database_MonitoringRole",
      "Purge_Role",
      "Restore_Role",
      "WebApp",
    ]);
    expect(stack.ids("aws_iam_user")).toEqual([]);
    expect(stack.ids("aws_iam_role_policy_attachment")).toEqual([]);
  });
});

describe("a condition on all of a request's values", () => {
  it("stands beside one that there is a value", () => {
    const texts = stack.addresses().flatMap((address) => {
      const id = /^data\.aws_iam_policy_document\.(.*)_/.exec(address)?.[1];
      return id === undefined ? [] : statementsOf(id);
    });
    const guarded = texts.flatMap(({ condition = [] }) =>
      condition
        .filter(({ test }) => test.startsWith("ForAllValues:"))
        .map(({ variable }) => condition.some((one) => one.test === "Null" && one.variable === variable)),
    );
    expect(guarded.length).toBeGreaterThan(0);
    expect(guarded.every(Boolean)).toBe(true);
  });
});

describe("the trust of a role", () => {
  // Services that send aws:SourceAccount when they assume a role, by their pages.
  const SENDERS: Record<string, string[]> = {
    "monitoring.rds.amazonaws.com": ["aws:SourceAccount", "aws:SourceArn"],
    "vpc-flow-logs.amazonaws.com": ["aws:SourceAccount", "aws:SourceArn"],
    "s3.amazonaws.com": [],
    "ec2.amazonaws.com": [],
    "glue.amazonaws.com": [],
  };
  const trusts = stack
    .addresses()
    .flatMap((address) => /^data\.aws_iam_policy_document\.(.*_Trust)_/.exec(address)?.[1] ?? []);

  it.each(trusts)("%s names this account where the service sends it", (id) => {
    for (const { principals = [], condition = [] } of statementsOf(id)) {
      for (const service of principals
        .filter(({ type }) => type === "Service")
        .flatMap(({ identifiers }) => identifiers))
        expect([service, condition.map(({ variable }) => variable)]).toEqual([service, SENDERS[service]]);
    }
  });
});

describe("an asterisk for a resource", () => {
  const REASONS: Record<string, string> = {
    "ec2:Describe*": "EC2 knows no narrower resource for these",
    "glue:GetSecurityConfiguration": "Glue knows no resource for it",
    "cloudwatch:PutMetricData": "CloudWatch knows no resource for it; the namespace narrows it",
    "ssm:UpdateInstanceInformation":
      "as AWS's page on a role for sessions has it: the instance's id is not known before it starts",
    "ssmmessages:*Channel": "Systems Manager knows no resource for a channel",
    Key_PolicyDocument: "in the policy of a key it is the key itself",
    Network_Endpoints_Policy: "the account is a condition of an endpoint's policy",
    Network_Endpoints_S3Policy: "the account is a condition of an endpoint's policy",
  };
  const documents = [
    ...new Set(
      stack.addresses().flatMap((address) => /^data\.aws_iam_policy_document\.(.*)_/.exec(address)?.[1] ?? []),
    ),
  ];

  it.each(documents)("stands in %s for a reason or not at all", (id) => {
    for (const statement of statementsOf(id)) {
      if (!(statement.resources ?? []).includes("*")) continue;
      const reasons = statement.actions.map(
        (action) =>
          REASONS[id] ??
          REASONS[action] ??
          REASONS[action.replace(/(?<=:Describe).*|(?<=^ssmmessages:).*(?=Channel$)/, "*")],
      );
      expect([statement.actions, reasons]).toEqual([
        statement.actions,
        reasons.map(() => expect.any(String) as unknown),
      ]);
    }
  });

  it("for metrics, only in Glue's namespace", () => {
    const metrics = statementsOf("Backup_Role_Policy").find(({ actions }) =>
      actions.includes("cloudwatch:PutMetricData"),
    );
    expect(metrics?.condition).toEqual([{ test: "StringEquals", variable: "cloudwatch:namespace", values: ["Glue"] }]);
  });
});
