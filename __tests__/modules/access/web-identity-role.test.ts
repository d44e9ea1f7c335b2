import type { TerraformStack } from "cdktf";
import { DataLakeBucket } from "../../../src/modules/storage/data-lake-bucket";
import type { WebIdentityRoleProps } from "../../../src/modules/access/web-identity-role";
import { WebIdentityRole } from "../../../src/modules/access/web-identity-role";
import { refusal, synthesize } from "../../support/synth";
import { APP_RIGHTS, appSecret, encryptedBucket } from "../support/web-app";

const ACCOUNT = "104752890112345678901";

const addRole = (stack: TerraformStack, props: Partial<WebIdentityRoleProps> = {}) =>
  new WebIdentityRole(stack, "WebApp", {
    bucket: encryptedBucket(stack),
    secret: appSecret(stack),
    googleServiceAccountId: ACCOUNT,
    ...props,
  });

describe("WebIdentityRole", () => {
  it("trusts one Google service account, for one audience", () => {
    const stack = synthesize((scope) => addRole(scope));
    expect(stack.statements("WebApp_Trust")).toEqual([
      {
        actions: ["sts:AssumeRoleWithWebIdentity"],
        principals: [{ type: "Federated", identifiers: ["accounts.google.com"] }],
        condition: [
          { test: "StringEquals", variable: "accounts.google.com:aud", values: [ACCOUNT] },
          { test: "StringEquals", variable: "accounts.google.com:oaud", values: ["sts.amazonaws.com"] },
          { test: "StringEquals", variable: "accounts.google.com:sub", values: [ACCOUNT] },
        ],
      },
    ]);
  });

  it("makes no identity provider: AWS knows Google, and refuses its tokens where another one stands in between", () => {
    const stack = synthesize((scope) => addRole(scope));
    expect(stack.ids("aws_iam_openid_connect_provider")).toEqual([]);
  });

  it("may list and upload images and read one secret, and nothing else", () => {
    const stack = synthesize((scope) => addRole(scope));
    expect(stack.statements("WebApp_Policy")).toEqual(APP_RIGHTS);
  });

  it("takes an audience and a name", () => {
    const stack = synthesize((scope) =>
      addRole(scope, { audience: "https://x-ray.example.org", roleName: "x-ray-app" }),
    );
    expect(stack.resource("aws_iam_role")).toMatchObject({ name: "x-ray-app" });
    expect(JSON.stringify(stack.statements("WebApp_Trust"))).toContain('"values":["https://x-ray.example.org"]');
  });

  it("uploads to a bucket that was made elsewhere, without a key", () => {
    const stack = synthesize((scope) =>
      addRole(scope, { bucket: DataLakeBucket.fromBucketName(scope, "Theirs", "clinic", { imagesPrefix: "x" }) }),
    );
    const actions = stack.statements("WebApp_Policy").flatMap((statement) => statement.actions as string[]);
    expect(actions.filter((action) => action.startsWith("kms:") && action !== "kms:Decrypt")).toEqual([
      "kms:DescribeKey", // the secret's
    ]);
  });

  it("keeps its addresses", () => {
    const stack = synthesize((scope) => addRole(scope));
    expect(stack.addresses().filter((address) => address.includes("WebApp"))).toMatchInlineSnapshot(`
      [
        "aws_iam_role.WebApp_6EA7032A",
        "aws_iam_role_policy.WebApp_InlinePolicy_06CE0A3E",
        "data.aws_iam_policy_document.WebApp_Policy_FF280B9B",
        "data.aws_iam_policy_document.WebApp_Trust_CD9FCC8F",
      ]
    `);
  });

  it.each(["x-ray@project.iam.gserviceaccount.com", "", "123456789012", "1".repeat(25), "*"])(
    "refuses %j for a service account",
    (googleServiceAccountId) => {
      expect(refusal((scope) => addRole(scope, { googleServiceAccountId }))).toBe(
        "test/WebApp: googleServiceAccountId must be the numeric unique id of a service account, about 21 digits, got " +
          JSON.stringify(googleServiceAccountId),
      );
    },
  );

  it.each(["", "a b", "*", "https://x/${y}"])("refuses %j for an audience", (audience) => {
    expect(refusal((scope) => addRole(scope, { audience }))).toBe(
      `test/WebApp: audience must be 1 to 255 characters without blanks, quotes, braces and wildcards, got ${JSON.stringify(audience)}`,
    );
  });
});
