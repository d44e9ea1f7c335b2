import { anonymousPrincipal, runSimulation, type SimulationRequestPrincipal } from "@cloud-copilot/iam-simulate";
import { DataLakeNetwork } from "../../../src/modules/network/data-lake-network";
import { OWN_ACCOUNT, policyJson } from "../../support/policy-json";
import { refusal, synthesize } from "../../support/synth";

const FOREIGN_ACCOUNT = "999999999999";
const JOB = `arn:aws:sts::${OWN_ACCOUNT}:assumed-role/backup/GlueJobRunnerSession`;
const FOREIGNER = `arn:aws:iam::${FOREIGN_ACCOUNT}:user/anna`;
const ALL = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] };
const OPEN = { ...ALL, Statement: [{ ...ALL.Statement[0], Principal: "*" }] };

const network = synthesize((scope) => void new DataLakeNetwork(scope, "Net"));
const withBastion = synthesize((scope) => new DataLakeNetwork(scope, "Net").endpoints.allowAmazonLinuxPackages());
const endpointPolicy = (service: string, stack = network): object =>
  policyJson(stack.statements(service === "s3" ? "Net_Endpoints_S3Policy" : "Net_Endpoints_Policy"));

interface Call {
  readonly principal: SimulationRequestPrincipal;
  readonly action: string;
  readonly resource: string;
  /** The resource's account; AWS leaves the key out where a request names no resource. */
  readonly resourceAccount?: string;
}

/** Judges a call that every other policy allows: the caller's, and the resource's as its owner would write it. */
async function throughEndpoint(policy: object, { principal, action, resource, resourceAccount }: Call) {
  const signed = typeof principal === "string";
  const account: Record<string, string> = signed ? { "aws:PrincipalAccount": principal.split(":")[4] ?? "" } : {};
  const result = await runSimulation(
    {
      identityPolicies: signed ? [{ name: "all", policy: ALL }] : [],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      ...(resource !== "*" && { resourcePolicy: OPEN }),
      vpcEndpointPolicies: [{ name: "endpoint", policy }],
      request: {
        action,
        principal,
        resource: { resource, accountId: resourceAccount ?? OWN_ACCOUNT },
        contextVariables: { ...account, ...(resourceAccount && { "aws:ResourceAccount": resourceAccount }) },
      },
    },
    {},
  );
  if (result.resultType === "wildcard") return result.overallResult;
  if (result.resultType !== "single") throw new Error(JSON.stringify(result));
  return result.result.analysis.result;
}

const own = (service: string, rest: string): string => `arn:aws:${service}:eu-central-1:${OWN_ACCOUNT}:${rest}`;
const foreign = (service: string, rest: string): string => `arn:aws:${service}:eu-central-1:${FOREIGN_ACCOUNT}:${rest}`;

describe("the job's role", () => {
  test.each([
    ["s3", "s3:PutObject", "arn:aws:s3:::lake/backup/part-0.parquet"],
    ["s3", "s3:ListBucket", "arn:aws:s3:::lake"],
    ["glue", "glue:GetConnection", own("glue", "connection/backup")],
    ["kms", "kms:GenerateDataKey", own("kms", "key/1234abcd-12ab-34cd-56ef-1234567890ab")],
    ["logs", "logs:PutLogEvents", own("logs", "log-group:/aws-glue/jobs/backup/output:log-stream:jr_1")],
    ["secretsmanager", "secretsmanager:GetSecretValue", own("secretsmanager", "secret:xray_backup-AbCdEf")],
    ["sts", "sts:AssumeRole", `arn:aws:iam::${OWN_ACCOUNT}:role/other`],
  ])("%s: %s on a resource of its account", async (service, action, resource) => {
    const call = { principal: JOB, action, resource, resourceAccount: OWN_ACCOUNT };
    expect(await throughEndpoint(endpointPolicy(service), call)).toBe("Allowed");
  });

  test.each([
    ["glue", "glue:GetSecurityConfiguration"],
    ["monitoring", "cloudwatch:PutMetricData"],
    ["ssm", "ssm:UpdateInstanceInformation"],
    ["ssmmessages", "ssmmessages:OpenDataChannel"],
    ["sts", "sts:GetCallerIdentity"],
  ])("%s: %s, which names no resource", async (service, action) => {
    const call = { principal: JOB, action, resource: "*" };
    expect(await throughEndpoint(endpointPolicy(service), call)).toBe("Allowed");
  });

  test.each([
    ["s3", "s3:PutObject", "arn:aws:s3:::loot/rows.parquet"],
    ["s3", "s3:GetObject", "arn:aws:s3:::tools/extra.jar"],
    ["kms", "kms:Encrypt", foreign("kms", "key/1234abcd-12ab-34cd-56ef-1234567890ab")],
    ["logs", "logs:PutLogEvents", foreign("logs", "log-group:loot:log-stream:a")],
    ["secretsmanager", "secretsmanager:PutSecretValue", foreign("secretsmanager", "secret:loot-AbCdEf")],
    ["glue", "glue:CreateTable", foreign("glue", "catalog")],
    ["sts", "sts:AssumeRole", `arn:aws:iam::${FOREIGN_ACCOUNT}:role/loot`],
  ])("%s: not %s on another account's resource, whose owner lets everybody in", async (service, action, resource) => {
    const call = { principal: JOB, action, resource, resourceAccount: FOREIGN_ACCOUNT };
    expect(await throughEndpoint(OPEN, call)).toBe("Allowed");
    expect(await throughEndpoint(endpointPolicy(service), call)).toBe("ImplicitlyDenied");
  });
});

test.each([
  ["s3", "s3:PutObject", "arn:aws:s3:::loot/rows.parquet"],
  ["secretsmanager", "secretsmanager:PutSecretValue", foreign("secretsmanager", "secret:loot-AbCdEf")],
  ["logs", "logs:PutLogEvents", foreign("logs", "log-group:loot:log-stream:a")],
])("%s: not %s by credentials of another account that a script brings along", async (service, action, resource) => {
  const call = { principal: FOREIGNER, action, resource, resourceAccount: FOREIGN_ACCOUNT };
  expect(await throughEndpoint(OPEN, call)).toBe("Allowed");
  expect(await throughEndpoint(endpointPolicy(service), call)).toBe("ImplicitlyDenied");
});

test("monitoring: no metrics by credentials of another account", async () => {
  const call = { principal: FOREIGNER, action: "cloudwatch:PutMetricData", resource: "*" };
  expect(await throughEndpoint(endpointPolicy("monitoring"), call)).toBe("ImplicitlyDenied");
});

describe("requests without credentials", () => {
  const packages = { principal: anonymousPrincipal, resourceAccount: FOREIGN_ACCOUNT, action: "s3:GetObject" };
  const repository = { ...packages, resource: "arn:aws:s3:::al2023-repos-eu-central-1-de612dc2/core/repomd.xml" };

  test("not to S3", async () => {
    expect(await throughEndpoint(endpointPolicy("s3"), repository)).toBe("ImplicitlyDenied");
  });

  test("to the packages of Amazon Linux where a bastion asks for them: reading, and of that bucket alone", async () => {
    const policy = endpointPolicy("s3", withBastion);
    expect(await throughEndpoint(policy, repository)).toBe("Allowed");
    expect(await throughEndpoint(policy, { ...repository, action: "s3:PutObject" })).toBe("ImplicitlyDenied");
    const other = { ...packages, resource: "arn:aws:s3:::al2023-repos-eu-central-1-loot/core/repomd.xml" };
    expect(await throughEndpoint(policy, other)).toBe("ImplicitlyDenied");
  });
});

describe("a statement of one's own", () => {
  const widened = synthesize((scope) => {
    const { endpoints } = new DataLakeNetwork(scope, "Net");
    endpoints.addToPolicy({ actions: ["s3:GetObject"], resources: ["arn:aws:s3:::layers/*"] });
    endpoints.addToPolicy({ actions: ["sts:AssumeRoleWithWebIdentity"], resources: ["*"] });
  });
  const layer = {
    principal: anonymousPrincipal,
    action: "s3:GetObject",
    resource: "arn:aws:s3:::layers/1",
    resourceAccount: FOREIGN_ACCOUNT,
  };
  const token = {
    principal: anonymousPrincipal,
    action: "sts:AssumeRoleWithWebIdentity",
    resource: `arn:aws:iam::${OWN_ACCOUNT}:role/pod`,
    resourceAccount: OWN_ACCOUNT,
  };

  test("lets its requests through its service's endpoint, and no others", async () => {
    expect(await throughEndpoint(endpointPolicy("s3"), layer)).toBe("ImplicitlyDenied");
    expect(await throughEndpoint(endpointPolicy("s3", widened), layer)).toBe("Allowed");
    expect(await throughEndpoint(endpointPolicy("sts"), token)).toBe("ImplicitlyDenied");
    expect(await throughEndpoint(endpointPolicy("sts", widened), token)).toBe("Allowed");
    const loot = { ...layer, resource: "arn:aws:s3:::loot/1" };
    expect(await throughEndpoint(endpointPolicy("s3", widened), loot)).toBe("ImplicitlyDenied");
  });

  test("is of one endpoint", () => {
    const mixed = { actions: ["s3:GetObject", "sts:AssumeRole"], resources: ["*"] };
    expect(refusal((scope) => new DataLakeNetwork(scope, "Net").endpoints.addToPolicy(mixed))).toBe(
      "test/Net/Endpoints: actions of one statement must be of S3 or of other services, got s3:GetObject, sts:AssumeRole",
    );
  });
});
