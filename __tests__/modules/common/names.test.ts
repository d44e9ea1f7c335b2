import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { TerraformStack } from "cdktf";
import { everyConstruct } from "../../support/constructs";
import type { SynthesizedStack } from "../../support/synth";
import { synthesizeApp } from "../../support/synth";

/** A stack of that id and region with every construct that makes names. */
function stackWith(
  id: string,
  region: string,
  ids: (id: string) => string = (own) => own,
  namePathOf?: (id: string) => string,
) {
  const stacks = synthesizeApp((app) => {
    const stack = new TerraformStack(app, id);
    new AwsProvider(stack, "aws", { region });
    everyConstruct((own) => ({ scope: stack, id: ids(own), namePath: namePathOf?.(own) }));
  });
  return stacks[id] as SynthesizedStack;
}

const NAMES = ["name", "name_prefix", "bucket_prefix", "identifier", "alarm_name", "dashboard_name", "description"];

/** The names that a stack asks for, by kind, without references. */
function names(stack: SynthesizedStack): string[] {
  const { resource } = JSON.parse(stack.text) as { resource: Record<string, Record<string, Record<string, unknown>>> };
  return Object.entries(resource)
    .flatMap(([type, blocks]) =>
      Object.values(blocks).flatMap((block) =>
        NAMES.filter((name) => typeof block[name] === "string").map((name) => `${type}.${name} ${String(block[name])}`),
      ),
    )
    .map((name) => name.replace(/_[0-9A-F]{8}\b/g, "").replace(/\$\{[^}]*\}/g, "${}"))
    .sort();
}

test("one stack in two regions asks IAM for no name twice", () => {
  const iam = (region: string) =>
    names(stackWith("clinic", region)).filter((name) => /^aws_iam_(policy|role|user)\.name /.test(name));
  const [here, there] = [iam("eu-central-1"), iam("us-gov-west-1")];
  expect(here).toHaveLength(10);
  expect(here.filter((name) => there.includes(name))).toEqual([]);
  expect(here).toContain("aws_iam_role.name clinic-backup-eu-central-1");
  expect(here).toContain("aws_iam_role.name clinic-db-monitoring-role-eu-central-1");
});

test("with namePath, constructs of other ids ask for the same names", () => {
  const before = stackWith("clinic", "eu-central-1");
  const after = stackWith(
    "other",
    "eu-central-1",
    (id) => `Other${id}`,
    (id) => `clinic/${id}`,
  );
  expect(names(after)).toEqual(names(before));
});

test("every name that a stack called sg-… or sthree-… asks for is one that AWS takes", () => {
  for (const id of ["SG-clinic", "amzn-s3-demo-clinic", "sthree-Röntgen"]) {
    const asked = names(stackWith(id, "eu-central-1", (own) => (own === "Backup" ? "St. Mary's" : own)));
    expect(asked.filter((name) => /^aws_security_group\.name sg-/i.test(name))).toEqual([]);
    expect(asked.filter((name) => /^aws_s3_bucket\.bucket_prefix (xn--|sthree-|amzn-s3-demo-)/.test(name))).toEqual([]);
    const descriptions = asked.filter((name) => /^aws_(vpc_)?security_group\w*\.description /.test(name));
    expect(descriptions.filter((text) => !/ [A-Za-z0-9 ._:/()#,@[\]+=&;{}!$*-]{1,255}$/.test(text))).toEqual([]);
    expect(asked.filter((name) => /^aws_s3_bucket\.bucket_prefix .{38}/.test(name))).toEqual([]);
  }
});
