import { Role } from "../../../src/modules/common/role";
import { refusal, synthesize } from "../../support/synth";

describe("Role", () => {
  it("is assumed by a service, and has no policy until something is granted", () => {
    const stack = synthesize((scope) => {
      new Role(scope, "Job", { assumedBy: { type: "Service", identifiers: ["glue.amazonaws.com"] } });
    });
    expect(stack.resource("aws_iam_role")).toEqual({
      name: "test-job-eu-central-1",
      lifecycle: { ignore_changes: ["name"] },
      assume_role_policy: "${data.aws_iam_policy_document.Job_Trust.json}",
    });
    expect(stack.statements("Job_Trust")).toEqual([
      { actions: ["sts:AssumeRole"], principals: [{ type: "Service", identifiers: ["glue.amazonaws.com"] }] },
    ]);
    expect(stack.ids("aws_iam_role_policy")).toEqual([]);
  });

  it("is assumed by web identity under conditions, as a Google service account is", () => {
    const stack = synthesize((scope) => {
      new Role(scope, "App", {
        roleName: "x-ray-app",
        description: "The web app",
        assumedBy: { type: "Federated", identifiers: ["accounts.google.com"] },
        assumeRoleAction: "sts:AssumeRoleWithWebIdentity",
        conditions: [{ test: "StringEquals", variable: "accounts.google.com:sub", values: ["1234567890"] }],
      });
    });
    expect(stack.resource("aws_iam_role")).toMatchObject({ name: "x-ray-app", description: "The web app" });
    expect(stack.statements("App_Trust")).toEqual([
      {
        actions: ["sts:AssumeRoleWithWebIdentity"],
        principals: [{ type: "Federated", identifiers: ["accounts.google.com"] }],
        condition: [{ test: "StringEquals", variable: "accounts.google.com:sub", values: ["1234567890"] }],
      },
    ]);
  });

  it("gathers what is granted in one inline policy, in order", () => {
    const stack = synthesize((scope) => {
      const role = new Role(scope, "App", { assumedBy: { type: "AWS", identifiers: ["123456789012"] } });
      role.addToPolicy({ actions: ["s3:GetObject"], resources: ["arn:aws:s3:::a/*"] });
      role.addToPolicy({ sid: "No", effect: "Deny", actions: ["s3:PutObject"], resources: ["arn:aws:s3:::a/b"] });
    });
    expect(stack.resource("aws_iam_role_policy")).toEqual({
      name: "test-app",
      lifecycle: { ignore_changes: ["name"] },
      role: "${aws_iam_role.App.name}",
      policy: "${data.aws_iam_policy_document.App_Policy.json}",
    });
    expect(stack.statements("App_Policy")).toEqual([
      { actions: ["s3:GetObject"], resources: ["arn:aws:s3:::a/*"] },
      { sid: "No", effect: "Deny", actions: ["s3:PutObject"], resources: ["arn:aws:s3:::a/b"] },
    ]);
  });

  it("keeps IAM's variables and other braces as they are written", () => {
    const stack = synthesize((scope) => {
      const role = new Role(scope, "App", {
        description: "of ${aws:username} at 5 %{",
        assumedBy: { type: "AWS", identifiers: ["123456789012"] },
      });
      role.addToPolicy({
        actions: ["s3:GetObject"],
        resources: ["arn:aws:s3:::a/${aws:PrincipalTag/team}/*", `${role.roleArn}/x`],
        conditions: [{ test: "StringLike", variable: "s3:prefix", values: ["${aws:username}/*"] }],
      });
    });
    expect(stack.resource("aws_iam_role").description).toBe("of $${aws:username} at 5 %%{");
    expect(stack.statements("App_Policy")).toEqual([
      {
        actions: ["s3:GetObject"],
        resources: ["arn:aws:s3:::a/&{aws:PrincipalTag/team}/*", "${aws_iam_role.App.arn}/x"],
        condition: [{ test: "StringLike", variable: "s3:prefix", values: ["&{aws:username}/*"] }],
      },
    ]);
  });

  it("takes a role that is there, and gives it a policy of its own", () => {
    const stack = synthesize((scope) => {
      const role = Role.fromRoleName(scope, "Airflow", "mwaa-execution");
      role.addToPolicy({ actions: ["glue:StartJobRun"], resources: ["arn:aws:glue:eu-central-1:123456789012:job/a"] });
    });
    expect(stack.ids("aws_iam_role")).toEqual([]);
    expect(stack.resource("aws_iam_role_policy")).toMatchObject({ name: "test-airflow", role: "mwaa-execution" });
  });

  it.each(["", "a b", "a/b", "a".repeat(65)])("refuses the name %j", (roleName) => {
    const assumedBy = { type: "Service", identifiers: ["glue.amazonaws.com"] };
    expect(refusal((scope) => new Role(scope, "Job", { roleName, assumedBy }))).toBe(
      `test/Job: roleName must be 1 to 64 letters, digits and +=,.@_-, got "${roleName}"`,
    );
  });

  it("is imported by its name, not by an ARN or a path", () => {
    expect(refusal((scope) => Role.fromRoleName(scope, "App", "arn:aws:iam::123456789012:role/app"))).toBe(
      'test/App: roleName must be 1 to 64 letters, digits and +=,.@_-, got "arn:aws:iam::123456789012:role/app"',
    );
  });
});
