import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { runSimulation } from "@cloud-copilot/iam-simulate";
import type { TerraformStack } from "cdktf";
import { GithubActionsRole, type GithubActionsRoleProps } from "../../../src/modules/ci/github-actions-role";
import type { PlannedStack } from "../../../src/modules/ci/planned-stack";
import { isAllowed } from "../../support/aws-calls/judge";
import { readRecordedRequests } from "../../support/aws-calls/recorded-requests";
import { OWN_ACCOUNT, policyJson } from "../../support/policy-json";
import { refusal, synthesize } from "../../support/synth";

const HOST = "token.actions.githubusercontent.com";
const STATE = "arn:aws:s3:::acme-xray-state/full-data-lake.tfstate";
const plannedStack = { stackName: "full-data-lake", stateBucketName: "acme-xray-state" };
const folder = mkdtempSync(path.join(tmpdir(), "github-actions-role-"));
afterAll(() => rmSync(folder, { recursive: true }));

const addRole = (stack: TerraformStack, props: Partial<GithubActionsRoleProps> = {}) =>
  new GithubActionsRole(stack, "Plan", { repository: "acme/x-ray", environment: "prod-plan", ...props });

describe("the trust of a GithubActionsRole", () => {
  const trust = (props?: Partial<GithubActionsRoleProps>) =>
    policyJson(synthesize((stack) => addRole(stack, props)).statements("Plan_Trust"));

  /** What AWS makes of a token with these claims. */
  async function isTrusted(trustPolicy: object, claims: Record<string, string>): Promise<boolean> {
    const provider = `arn:aws:iam::${OWN_ACCOUNT}:oidc-provider/${HOST}`;
    // The evaluator knows the claims of Google's tokens only; AWS reads those of each provider under its host's name.
    const text = JSON.stringify(trustPolicy).replaceAll(`"${HOST}:`, '"accounts.google.com:');
    const policy = JSON.parse(text.replace(/\$\{aws_iam_openid_connect_provider[^}]*\}/, provider)) as object;
    const result = await runSimulation(
      {
        identityPolicies: [],
        serviceControlPolicies: [],
        resourceControlPolicies: [],
        resourcePolicy: policy,
        request: {
          action: "sts:AssumeRoleWithWebIdentity",
          principal: provider,
          resource: { resource: `arn:aws:iam::${OWN_ACCOUNT}:role/plan`, accountId: OWN_ACCOUNT },
          contextVariables: Object.fromEntries(
            Object.entries(claims).map(([claim, value]) => [`accounts.google.com:${claim}`, value]),
          ),
        },
      },
      {},
    );
    // A federated principal has no policies of its own: the role's alone decides.
    return result.resultType === "single" && result.result.analysis.resourceAnalysis?.result === "Allowed";
  }

  it("is one repository's, in one environment, for AWS", () => {
    expect(synthesize((stack) => addRole(stack)).statements("Plan_Trust")).toEqual([
      {
        actions: ["sts:AssumeRoleWithWebIdentity"],
        principals: [{ type: "Federated", identifiers: ["${aws_iam_openid_connect_provider.Plan_Provider.arn}"] }],
        condition: [
          { test: "StringEquals", variable: `${HOST}:aud`, values: ["sts.amazonaws.com"] },
          { test: "StringEquals", variable: `${HOST}:sub`, values: ["repo:acme/x-ray:environment:prod-plan"] },
        ],
      },
    ]);
  });

  const aud = "sts.amazonaws.com";
  const sub = "repo:acme/x-ray:environment:prod-plan";
  it.each<[boolean, Record<string, string>]>([
    [true, { aud, sub }],
    [false, { aud, sub: "repo:acme/x-ray:environment:prod" }],
    [false, { aud, sub: "repo:acme/x-ray:ref:refs/heads/main" }],
    [false, { aud, sub: "repo:acme/x-ray:pull_request" }],
    [false, { aud, sub: "repo:acme/x-ray-fork:environment:prod-plan" }],
    [false, { aud, sub: "repo:mallory/x-ray:environment:prod-plan" }],
    [false, { aud, sub: `${sub}:x` }],
    [false, { aud: "https://github.com/acme", sub }],
    [false, { sub }],
  ])("answers %p to a token with %j", async (answer, claims) => {
    expect(await isTrusted(trust(), claims)).toBe(answer);
  });

  it("tells a repository by its ids where its subjects have them", async () => {
    const withIds = trust({ repository: "acme@123456/x-ray@456789" });
    const claim = "repo:acme@123456/x-ray@456789:environment:prod-plan";
    expect(await isTrusted(withIds, { aud, sub: claim })).toBe(true);
    expect(await isTrusted(withIds, { aud, sub: claim.replace("456789", "456780") })).toBe(false);
    expect(await isTrusted(withIds, { aud, sub })).toBe(false);
  });

  it("takes the account's identity provider, and makes it where there is none", () => {
    const made = synthesize((stack) => {
      const plan = addRole(stack);
      new GithubActionsRole(stack, "Deploy", {
        repository: "acme/x-ray",
        environment: "prod",
        openIdConnectProviderArn: plan.openIdConnectProviderArn,
      });
    });
    expect(made.resource("aws_iam_openid_connect_provider")).toEqual({
      url: `https://${HOST}`,
      client_id_list: ["sts.amazonaws.com"],
    });
    expect(JSON.stringify(made.statements("Deploy_Trust"))).toContain(
      "${aws_iam_openid_connect_provider.Plan_Provider.arn}",
    );
    const openIdConnectProviderArn = `arn:aws:iam::${OWN_ACCOUNT}:oidc-provider/${HOST}`;
    const imported = synthesize((stack) => addRole(stack, { openIdConnectProviderArn }));
    expect(imported.ids("aws_iam_openid_connect_provider")).toEqual([]);
    expect(JSON.stringify(imported.statements("Plan_Trust"))).toContain(openIdConnectProviderArn);
  });
});

describe("a GithubActionsRole that plans", () => {
  const policyOf = (props: Partial<PlannedStack>) =>
    policyJson(
      synthesize((stack) => addRole(stack, { plannedStacks: [{ ...plannedStack, ...props }] })).statements(
        "Plan_Policy",
      ),
    );
  const rights = policyOf({});
  const refreshRights = policyOf({ refresh: true });
  const may = async (action: string, resource: string, context: Record<string, string> = {}, policies: object[] = []) =>
    isAllowed([rights, ...policies], { action, resource, context });
  const everything = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] };

  it.each([
    ["s3:GetObject", STATE],
    ["s3:GetObject", `${STATE}.tflock`],
    ["s3:PutObject", `${STATE}.tflock`],
    ["s3:DeleteObject", `${STATE}.tflock`],
    ["s3:ListBucket", "arn:aws:s3:::acme-xray-state"],
    ["secretsmanager:GetRandomPassword", "*"],
    ["ssm:GetParameter", "arn:aws:ssm:eu-central-1:123456789012:parameter/aws/service/ami-amazon-linux-latest/al2023"],
  ])("may %s on %s", async (action, resource) => {
    expect(await may(action, resource)).toBe(true);
  });

  const secret = `arn:aws:secretsmanager:eu-central-1:${OWN_ACCOUNT}:secret:full-data-lake-database/xray_app-AbCdEf`;
  const key = `arn:aws:kms:eu-central-1:${OWN_ACCOUNT}:key/0a1b2c3d-0000-4000-8000-0123456789ab`;
  const DENIED: [string, string, Record<string, string>][] = [
    ["secretsmanager:GetSecretValue", secret, {}],
    ["s3:GetObject", "arn:aws:s3:::full-data-lake-bucket-1/xray-images/img_1.jpg", {}],
    ["s3:GetObjectVersion", "arn:aws:s3:::full-data-lake-bucket-1/xray-images/img_1.jpg", {}],
    ["s3:GetObject", "arn:aws:s3:::full-data-lake-bucket-1/backup/v1/_manifests/1.json", {}],
    ["s3:GetObject", "arn:aws:s3:::acme-xray-state/other.tfstate", {}],
    ["kms:Decrypt", key, { "kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::full-data-lake-bucket-1" }],
    ["kms:Decrypt", key, { "kms:EncryptionContext:SecretARN": secret }],
  ];
  it.each(DENIED)("may never %s on %s, whatever else the role is given", async (action, resource, context) => {
    expect(await may(action, resource, context)).toBe(false);
    expect(await may(action, resource, context, [everything])).toBe(false);
    expect(await isAllowed([refreshRights, everything], { action, resource, context })).toBe(false);
  });

  it("may use a key that it is granted for the state", () => {
    // The evaluator of policies does not know this key of a condition, whose last part is one of S3's encryption context.
    const { Statement } = rights as { Statement: { Action: string[]; Condition?: object }[] };
    expect(Statement.find(({ Action }) => Action.includes("kms:Decrypt"))?.Condition).toEqual({
      StringNotLike: {
        "kms:EncryptionContext:aws:s3:arn": ["arn:aws:s3:::acme-xray-state", "arn:aws:s3:::acme-xray-state/*"],
      },
    });
  });

  it.each([
    ["s3:PutObject", STATE],
    ["s3:DeleteObject", STATE],
    ["s3:ListBucket", "arn:aws:s3:::full-data-lake-bucket-1"],
    ["rds:DescribeDBInstances", "*"],
    ["iam:GetRole", `arn:aws:iam::${OWN_ACCOUNT}:role/full-data-lake-backup`],
    ["ssm:GetParameter", `arn:aws:ssm:eu-central-1:${OWN_ACCOUNT}:parameter/full-data-lake/password`],
  ])("may not %s on %s without refresh", async (action, resource) => {
    expect(await may(action, resource)).toBe(false);
  });

  describe("and refreshes", () => {
    /** Reads of the recorded deploys, but those that are denied, and those that only a destroy sends. */
    const reads = readRecordedRequests().full.filter(
      ({ action }) =>
        /:(Get|List|Describe)/.test(action) &&
        !/^s3:GetObject$|^secretsmanager:GetSecretValue$|^sts:GetCallerIdentity$/.test(action) &&
        !/^s3:ListBucketVersions$|^iam:List(?!AttachedRole|RolePolicies)/.test(action),
    );

    it("may read the settings of each resource of the stack", async () => {
      expect(reads.length).toBeGreaterThan(50);
      const refused = [];
      for (const request of reads) if (!(await isAllowed([refreshRights], request))) refused.push(request);
      expect(refused).toEqual([]);
    });

    it("may read the jobs' code and the markers of folders, and no setting of another stack", async () => {
      const refresh = (action: string, resource: string) =>
        isAllowed([refreshRights], { action, resource, context: {} });
      const bucket = "arn:aws:s3:::full-data-lake-bucket-1";
      expect(await refresh("s3:GetObject", `${bucket}/glue-assets/full-data-lake-backup/E93C/job_backup.py`)).toBe(
        true,
      );
      expect(await refresh("s3:GetObject", `${bucket}/xray-images/`)).toBe(true);
      expect(await refresh("s3:GetBucketPolicy", "arn:aws:s3:::other-bucket")).toBe(false);
      expect(await refresh("glue:GetConnection", `arn:aws:glue:eu-central-1:${OWN_ACCOUNT}:connection/other`)).toBe(
        false,
      );
      expect(await refresh("iam:PassRole", `arn:aws:iam::${OWN_ACCOUNT}:role/full-data-lake-backup`)).toBe(false);
    });

    it("takes names of one's own", async () => {
      const own = policyOf({ refresh: true, resourceNames: ["clinic-images"] });
      const request = { action: "s3:GetBucketPolicy", resource: "arn:aws:s3:::clinic-images", context: {} };
      expect(await isAllowed([own], request)).toBe(true);
      expect(await isAllowed([refreshRights], request)).toBe(false);
    });

    it("fits into one inline policy of IAM", () => {
      const stacks = ["dev", "prod"].map((name) => ({
        ...plannedStack,
        stackName: `${name}-data-lake`,
        refresh: true,
      }));
      const policy = policyJson(
        synthesize((stack) => addRole(stack, { plannedStacks: stacks })).statements("Plan_Policy"),
      );
      expect(JSON.stringify(policy).length).toBeLessThan(10_240);
    });

    it("names IAM's resources without a region and by their types, as IAM takes them", () => {
      const { Statement } = refreshRights as { Statement: { Resource?: string[] }[] };
      const arns = Statement.flatMap(({ Resource = [] }) => Resource).filter((arn) => arn.includes(":iam:"));
      expect(arns).toEqual(
        ["instance-profile", "policy", "role", "user"].map(
          (type) => `arn:aws:iam::${OWN_ACCOUNT}:${type}/*full?data?lake*`,
        ),
      );
    });

    it("reads and writes nothing but the lock", () => {
      const { Statement } = refreshRights as { Statement: { Effect: string; Action: string[] }[] };
      const actions = Statement.filter(({ Effect }) => Effect === "Allow").flatMap(({ Action }) => Action);
      expect(actions.filter((action) => !/:(Get|List|Describe)/.test(action))).toEqual([
        "s3:DeleteObject",
        "s3:PutObject",
      ]);
    });
  });
});

describe("a GithubActionsRole that deploys", () => {
  const policy = {
    Version: "2012-10-17",
    Statement: [
      { Effect: "Allow", Action: ["ssm:ResumeSession"], Resource: ["arn:aws:ssm:*:*:session/${aws:userid}-*"] },
    ],
  };
  const file = path.join(folder, "prod-deployer-1.json");
  writeFileSync(file, JSON.stringify(policy));

  it("has the policies of a deployer's files, word for word", () => {
    const stack = synthesize((scope) => addRole(scope, { policyFiles: [file, file] }));
    expect(stack.ids("aws_iam_policy")).toEqual(["Plan_Policy-1", "Plan_Policy-2"]);
    const { policy: text, name } = stack.resource("aws_iam_policy", "Plan_Policy-1");
    // Terraform reads two dollars before a brace as one.
    expect(JSON.parse(String(text).replaceAll("$${", "${"))).toEqual(policy);
    expect(name).toBe("test-plan-policy-1-eu-central-1");
    expect(stack.resource("aws_iam_role_policy_attachment", "Plan_Policy-1-Attachment")).toEqual({
      role: "${aws_iam_role.Plan.name}",
      policy_arn: "${aws_iam_policy.Plan_Policy-1.arn}",
    });
    expect(stack.ids("aws_iam_role_policy")).toEqual([]);
  });

  it.each([
    [
      "none.json",
      undefined,
      /^test\/Plan: policyFiles must be files that xray-deployer-policy has written, got ".*none\.json": ENOENT/,
    ],
    [
      "text.json",
      "text",
      /policyFiles must be files that xray-deployer-policy has written, got ".*text\.json": Unexpected token/,
    ],
    ["other.json", "{}", /policyFiles must be policies of IAM, got ".*other\.json" without a list Statement$/],
  ])("refuses %s in one line", (name, text, message) => {
    const other = path.join(folder, name);
    if (text !== undefined) writeFileSync(other, text);
    expect(refusal((stack) => addRole(stack, { policyFiles: [other] }))).toMatch(message);
  });

  it.each([
    ["iam:PutRolePolicy", "arn:aws:iam::*:role/test-*", "refused"],
    ["iam:AttachRolePolicy", "arn:aws:iam::*:role/te?t-plan-eu-central-1", "refused"],
    ["iam:UpdateAssumeRolePolicy", "*", "refused"],
    ["*", "*", "refused"],
    ["iam:PutRolePolicy", "arn:aws:iam::*:role/prod-data-lake-*", "taken"],
    ["iam:GetRole", "arn:aws:iam::*:role/test-*", "taken"],
  ])("that may %s %s is %s, so that it cannot change itself", (Action, Resource, answer) => {
    const own = path.join(folder, "own.json");
    writeFileSync(own, JSON.stringify({ Statement: [{ Effect: "Allow", Action: [Action], Resource }] }));
    const build = (scope: TerraformStack) => addRole(scope, { policyFiles: [own] });
    if (answer === "taken") expect(synthesize(build).ids("aws_iam_policy")).toHaveLength(1);
    else {
      expect(refusal(build)).toBe(
        `test/Plan: policyFiles must not let the role change itself, got ${JSON.stringify(own)}, which may change ${Resource}: ` +
          "make the role in a stack whose name does not begin so, or give it another roleName",
      );
    }
  });

  it("refuses more policies than a role takes, and to plan as well", () => {
    expect(refusal((stack) => addRole(stack, { policyFiles: Array<string>(11).fill(file) }))).toBe(
      "test/Plan: policyFiles must be at most 10, got 11",
    );
    expect(refusal((stack) => addRole(stack, { policyFiles: [file], plannedStacks: [plannedStack] }))).toBe(
      "test/Plan: a role that plans cannot deploy: give plannedStacks or policyFiles, and make two roles",
    );
  });
});

it("keeps its addresses", () => {
  const stack = synthesize((scope) => {
    addRole(scope, { plannedStacks: [plannedStack] });
    new GithubActionsRole(scope, "Deploy", {
      repository: "acme/x-ray",
      environment: "prod",
      openIdConnectProviderArn: `arn:aws:iam::${OWN_ACCOUNT}:oidc-provider/${HOST}`,
      policyFiles: [path.join(__dirname, "..", "..", "support", "deployer-policy.json")],
    });
  });
  expect(stack.addresses()).toMatchInlineSnapshot(`
    [
      "aws_iam_openid_connect_provider.Plan_Provider_CB522BB8",
      "aws_iam_policy.Deploy_Policy-1_F34F6DF6",
      "aws_iam_role.Deploy_7B206E61",
      "aws_iam_role.Plan_DAF4E53A",
      "aws_iam_role_policy.Plan_InlinePolicy_C350660C",
      "aws_iam_role_policy_attachment.Deploy_Policy-1-Attachment_B76E8015",
      "data.aws_iam_policy_document.Deploy_Trust_DA8052AE",
      "data.aws_iam_policy_document.Plan_Policy_D0C2B438",
      "data.aws_iam_policy_document.Plan_Trust_C0398748",
    ]
  `);
});

it.each<[Partial<GithubActionsRoleProps>, string]>([
  [
    { repository: "acme/*" },
    `repository must be <owner>/<name> or <owner>@<owner's id>/<name>@<id>, without wildcards, got "acme/*"`,
  ],
  [
    { repository: "acme@1/x-ray" },
    `repository must be <owner>/<name> or <owner>@<owner's id>/<name>@<id>, without wildcards, got "acme@1/x-ray"`,
  ],
  [
    { environment: "*" },
    'environment must be the name of an environment of GitHub: up to 255 letters, digits and ./_-, without wildcards, got "*"',
  ],
  [
    { environment: "a:b" },
    'environment must be the name of an environment of GitHub: up to 255 letters, digits and ./_-, without wildcards, got "a:b"',
  ],
  [
    { openIdConnectProviderArn: `arn:aws:iam::${OWN_ACCOUNT}:oidc-provider/accounts.google.com` },
    `openIdConnectProviderArn must be the ARN of an identity provider, arn:aws:iam::<account>:oidc-provider/${HOST}, got "arn:aws:iam::${OWN_ACCOUNT}:oidc-provider/accounts.google.com"`,
  ],
  [
    { plannedStacks: [{ ...plannedStack, stackName: "*" }] },
    `stackName must be a stack's name: letters, digits, _ and -, got "*"`,
  ],
  [
    { plannedStacks: [{ ...plannedStack, stateBucketName: "*" }] },
    `stateBucketName must be a bucket's name, without wildcards, got "*"`,
  ],
  [
    { plannedStacks: [{ ...plannedStack, stateKey: "*" }] },
    `stateKey must be an object's key, without wildcards, got "*"`,
  ],
  [
    { plannedStacks: [{ ...plannedStack, resourceNames: ["*"] }] },
    'resourceNames must be names of at least two characters, without wildcards, got "*"',
  ],
])("refuses %j", (props, message) => {
  expect(refusal((stack) => addRole(stack, props))).toBe(`test/Plan: ${message}`);
});
