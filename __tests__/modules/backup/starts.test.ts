import { runSimulation } from "@cloud-copilot/iam-simulate";
import type { TerraformStack } from "cdktf";
import {
  BackupGlueJob,
  DataLakeBucket,
  DataLakeNetwork,
  MetadataDatabase,
  PurgeGlueJob,
  RestoreGlueJob,
  Role,
  RunMode,
} from "../../../src";
import { OWN_ACCOUNT, policyJson } from "../../support/policy-json";
import { synthesize } from "../../support/synth";

const JOBS = ["Backup", "Purge", "Restore"] as const;
const jobArn = (name: string): string => `arn:aws:glue:eu-central-1:${OWN_ACCOUNT}:job/${name}`;
const triggerArn = (name: string): string => `arn:aws:glue:eu-central-1:${OWN_ACCOUNT}:trigger/${name}`;
const ARNS: Record<string, string> = {
  "${aws_s3_bucket.Lake.arn}": "arn:aws:s3:::lake",
  "aws_s3_bucket.Lake.arn": "arn:aws:s3:::lake",
  ...Object.fromEntries(JOBS.map((name) => [`\${aws_glue_job.${name}.arn}`, jobArn(name)])),
  ...Object.fromEntries(
    ["Backup_OnDemandTrigger", "Purge_DryRunTrigger", "Purge_ExecuteTrigger"].map((name) => [
      `\${aws_glue_trigger.${name}.arn}`,
      triggerArn(name),
    ]),
  ),
};

const stack = synthesize((scope: TerraformStack) => {
  const network = new DataLakeNetwork(scope, "Net");
  const database = new MetadataDatabase(scope, "Db", { network });
  const wiring = { bucket: new DataLakeBucket(scope, "Lake"), network, database };
  const backup = new BackupGlueJob(scope, "Backup", wiring);
  const purge = new PurgeGlueJob(scope, "Purge", { ...wiring, olderThanDays: 90 });
  const restore = new RestoreGlueJob(scope, "Restore", wiring);
  const airflow = Role.fromRoleName(scope, "Airflow", "airflow");
  backup.grantStart(airflow);
  purge.grantStart(airflow);
  purge.grantStart(Role.fromRoleName(scope, "Auditor", "auditor"), [RunMode.DRY_RUN]);
  restore.grantStartWithArguments(Role.fromRoleName(scope, "Operator", "operator"));
});

/** Judges a call of a principal by its policy alone. */
async function judge(role: string, action: string, resource: string): Promise<string> {
  const policy = policyJson(
    stack.statements(`${role}_Policy`).filter(({ actions }) => !String(actions).includes("s3:")),
    ARNS,
  );
  const result = await runSimulation(
    {
      identityPolicies: [{ name: "inline", policy }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      request: {
        action,
        principal: `arn:aws:sts::${OWN_ACCOUNT}:assumed-role/${role}/run`,
        resource: { resource, accountId: OWN_ACCOUNT },
        contextVariables: {},
      },
    },
    {},
  );
  if (result.resultType === "wildcard") return result.overallResult;
  if (result.resultType !== "single") throw new Error(JSON.stringify(result));
  return result.result.analysis.result;
}

// The provider starts a trigger on demand that is enabled, at the deploy that makes it.
test("a deploy starts no job", () => {
  const triggers = stack.ids("aws_glue_trigger").map((id) => stack.resource("aws_glue_trigger", id));
  const onDemand = triggers.filter(({ type }) => type === "ON_DEMAND");
  expect(onDemand.map(({ enabled }) => enabled)).toEqual([false, false, false]);
});

describe("grantStart", () => {
  test.each([
    ["glue:StartTrigger", triggerArn("Backup_OnDemandTrigger")],
    ["glue:StartTrigger", triggerArn("Purge_DryRunTrigger")],
    ["glue:StartTrigger", triggerArn("Purge_ExecuteTrigger")],
    ["glue:GetJobRuns", jobArn("Backup")],
    ["glue:BatchStopJobRun", jobArn("Purge")],
  ])("allows %s on %s", async (action, resource) => {
    expect(await judge("Airflow", action, resource)).toBe("Allowed");
  });

  // Each of them brings arguments, and with them code, into a run.
  test.each([
    ["glue:StartJobRun", jobArn("Backup")],
    ["glue:StartJobRun", jobArn("Purge")],
    ["glue:StartJobRun", jobArn("Restore")],
    ["glue:UpdateTrigger", triggerArn("Backup_OnDemandTrigger")],
    ["glue:CreateTrigger", triggerArn("other")],
    ["glue:StartTrigger", triggerArn("other")],
    ["glue:UpdateJob", jobArn("Backup")],
    ["glue:CreateJob", jobArn("other")],
    ["iam:PassRole", `arn:aws:iam::${OWN_ACCOUNT}:role/Backup`],
  ])("allows no %s on %s", async (action, resource) => {
    expect(await judge("Airflow", action, resource)).toBe("ImplicitlyDenied");
  });

  test("of a purge with the dry run alone starts none that deletes", async () => {
    expect(await judge("Auditor", "glue:StartTrigger", triggerArn("Purge_DryRunTrigger"))).toBe("Allowed");
    expect(await judge("Auditor", "glue:StartTrigger", triggerArn("Purge_ExecuteTrigger"))).toBe("ImplicitlyDenied");
    expect(await judge("Auditor", "glue:StartJobRun", jobArn("Purge"))).toBe("ImplicitlyDenied");
    expect(await judge("Auditor", "glue:GetJobRuns", jobArn("Purge"))).toBe("Allowed");
    // It would stop a run that deletes as well as its own.
    expect(await judge("Auditor", "glue:BatchStopJobRun", jobArn("Purge"))).toBe("ImplicitlyDenied");
  });
});

test("grantStartWithArguments allows a run with arguments, of this job alone", async () => {
  expect(await judge("Operator", "glue:StartJobRun", jobArn("Restore"))).toBe("Allowed");
  expect(await judge("Operator", "glue:StartJobRun", jobArn("Purge"))).toBe("ImplicitlyDenied");
  expect(await judge("Operator", "glue:UpdateJob", jobArn("Restore"))).toBe("ImplicitlyDenied");
});
