import { existsSync } from "node:fs";
import path from "node:path";
import { comment, faultsOf, MAX_COMMENT, type Report } from "../../src/plan/comment";
import { lossByChange } from "../../src/plan/shorter-retention";
import { lossBy, STATEFUL_TYPES } from "../../src/plan/stateful-resources";
import { readPlan, type ResourceChange, type StackPlan } from "../../src/plan/terraform-plan";
import { environments } from "../../src/stacks/environments";
import { addEnvironment } from "../stacks/support";
import { synthesizeApp } from "../support/synth";

/** GitHub's Markdown is not on this machine; this one knows its tables too, and has no types. */
const MarkdownIt = jest.requireActual<new (options: object) => { render(text: string): string }>("markdown-it");

/** Plans of Terraform 1.11.4, without the resources that stay as they are. */
const planned = (name: string): StackPlan => readPlan(path.join(__dirname, "plans", `${name}.json`));
const report = (plans: StackPlan[], rest: Partial<Report> = {}): Report => ({
  plans,
  allowed: [],
  drift: false,
  ...rest,
});
const made = (changes: ResourceChange[], rest: Partial<StackPlan> = {}): StackPlan => ({
  stack: "made",
  changes,
  drift: [],
  outputs: 0,
  errored: false,
  partial: false,
  empty: false,
  ...rest,
});
const database = "aws_db_instance.Database_B269D8BB";
const loss = "the database with its rows would be lost";

describe("a resource that holds data", () => {
  it("is a fault where it would be replaced, and what forces it is shown first", () => {
    expect(faultsOf(report([planned("replaced")]))).toEqual([`replaced: ${database} would be replaced: ${loss}`]);
    const text = comment(report([planned("replaced")]));
    expect(text).toContain(
      `| 🔴 replace | \`replaced\` | \`${database}\` | **the database with its rows** | \`username\`: \`admin\` → \`chief\` |`,
    );
    expect(text.split("\n").slice(0, 7)).toEqual([
      "<!-- xray-plan replaced -->",
      "",
      "## Plan: 2 to replace",
      "",
      "> [!CAUTION]",
      "> **This check fails:**",
      `> - ❌ \`replaced: ${database} would be replaced: ${loss}\``,
    ]);
  });

  it("is a fault where Terraform refuses the change by prevent_destroy, too", () => {
    expect(faultsOf(report([planned("refused")]))).toEqual([
      `refused: ${database} would be replaced: ${loss}`,
      "refused: Terraform refuses the plan, for a reason that its log names; the changes may not be all",
    ]);
  });

  it("is a fault where its construct is gone; a role beside it is none", () => {
    const faults = faultsOf(report([planned("removed")]));
    expect(faults[0]).toBe(`removed: ${database} would be destroyed: ${loss}`);
    expect(faults.slice(1)).toHaveLength(2);
    expect(faults.slice(1).every((fault) => fault.includes("aws_secretsmanager_secret."))).toBe(true);
    expect(comment(report([planned("removed")]))).toContain("`aws_iam_role.");
  });

  it("may be lost where its address is given, and not by a pattern", () => {
    const allowed = report([planned("replaced")], { allowed: [`replaced:${database}`] });
    expect(faultsOf(allowed)).toEqual([]);
    expect(comment(allowed)).toContain("**the database with its rows**, allowed");
    const other = report([planned("replaced")], { allowed: ["replaced:aws_db_instance.Data*"] });
    expect(faultsOf(other)).toHaveLength(1);
    expect(comment(other)).toContain(
      "--allow-destroy `replaced:aws_db_instance.Data*` allows nothing here: take it out.",
    );
  });

  it("may be lost in one stack, and not in another that has the same address", () => {
    const second = { ...planned("replaced"), stack: "second" };
    expect(faultsOf(report([planned("replaced"), second], { allowed: [`replaced:${database}`] }))).toEqual([
      `second: ${database} would be replaced: ${loss}`,
    ]);
  });

  it("comes before all others, also those of an earlier stack", () => {
    const others = Array.from({ length: 3_000 }, (_, index) => ({
      address: `aws_iam_role.r${index}`,
      kind: "destroy" as const,
      attributes: [],
    }));
    const text = comment(report([made(others), planned("replaced")], { allowed: [`replaced:${database}`] }));
    expect(text).toContain("**the database with its rows**, allowed");
  });

  it("is one that the constructs of prod protect, and no other", () => {
    const stacks = synthesizeApp((app) => {
      const prod = environments({}).find(({ name }) => name === "prod");
      if (prod) addEnvironment(app, prod);
    });
    const resources = Object.values(stacks).flatMap(({ text }) => {
      const { resource = {} } = JSON.parse(text) as { resource?: Record<string, Record<string, Resource>> };
      return Object.entries(resource).flatMap(([type, byId]) => Object.values(byId).map((block) => ({ type, block })));
    });
    const kept = resources.filter(({ block }) => block.lifecycle?.prevent_destroy === true);
    const stateful = resources.filter(({ type, block }) => lossBy(type, block) !== undefined);
    const secrets = stateful.filter(({ type }) => type === "aws_secretsmanager_secret");
    expect(kept.length).toBeGreaterThan(8);
    expect(new Set(stateful.filter((one) => !secrets.includes(one)))).toEqual(new Set(kept));
    expect(secrets.map(({ block }) => block.recovery_window_in_days ?? 30).every((days) => days >= 7)).toBe(true);
  });

  it("is one of any type of AWS that holds data, and of another provider where its protection is on", () => {
    expect(lossBy("aws_dynamodb_table", {})).toBe("the table with its rows");
    expect(lossBy("aws_efs_file_system", {})).toBe("the volume with its files");
    expect(lossBy("google_sql_database_instance", { deletion_protection: true })).toBe(
      "what its deletion protection keeps",
    );
    expect(lossBy("google_sql_database_instance", { deletion_protection: false })).toBeUndefined();
    const bindings = path.dirname(require.resolve("@cdktf/provider-aws/package.json"));
    const isKnown = (type: string) =>
      existsSync(path.join(bindings, "lib", type.replace(/^aws_/, "").replaceAll("_", "-")));
    const types = [...STATEFUL_TYPES.keys()].filter((type) => type.startsWith("aws_"));
    expect(types.filter((type) => !isKnown(type))).toEqual([]);
  });

  it.each([
    ["DO 0", undefined],
    ["DROP VIEW IF EXISTS x_ray.v", undefined],
    ["DROP USER IF EXISTS 'a'@'%'; DROP TABLE image", "the tables"],
    ["DELETE FROM x_ray.image", "the tables"],
    ["ALTER TABLE image DROP COLUMN folder", "the tables"],
    ["CALL x_ray.schema_guard()", "the tables"],
  ])("is a mysql_sql that is destroyed by %j: %p", (delete_sql, lost) => {
    expect(lossBy("mysql_sql", { delete_sql })).toBe(lost);
  });
});

interface Resource extends Record<string, unknown> {
  readonly lifecycle?: { readonly prevent_destroy?: boolean };
  readonly recovery_window_in_days?: number;
}

describe("a retention that gets shorter", () => {
  const days = (backup_retention_period: number) => ({ backup_retention_period });
  const rules = (...rule: object[]) => ({ bucket: "images", rule });
  const expire = (prefix: string, more: object = { expiration: [{ days: 400, date: null }] }) => ({
    status: "Enabled",
    filter: [{ prefix, and: [] }],
    prefix: "",
    expiration: [],
    noncurrent_version_expiration: [],
    ...more,
  });
  const older = (noncurrent_days: number, newer_noncurrent_versions: number | null) => ({
    noncurrent_version_expiration: [{ noncurrent_days, newer_noncurrent_versions }],
  });
  const log = (retention_in_days: number) => ({ retention_in_days, skip_destroy: true });
  const audit = "aws_cloudwatch_log_group";
  const lifecycle = "aws_s3_bucket_lifecycle_configuration";
  const expired = "objects that a rule expires sooner than before, or anew";

  it.each<[string, string, object, object, string | undefined]>([
    ["fewer days of backups", "aws_db_instance", days(35), days(7), "the automated backups of more than 7 days"],
    ["no backups", "aws_rds_cluster", days(35), days(0), "the automated backups of more than 0 days"],
    ["more days of backups", "aws_db_instance", days(7), days(35), undefined],
    ["an audit log of fewer days", audit, log(400), log(30), "the log's entries of more than 30 days"],
    ["an audit log that was kept", audit, log(0), log(30), "the log's entries of more than 30 days"],
    ["an audit log of more days", audit, log(30), log(0), undefined],
    ["a program's log of fewer days", audit, { ...log(400), skip_destroy: false }, log(30), undefined],
    ["a first rule", lifecycle, rules(), rules(expire("")), expired],
    ["an earlier day", lifecycle, rules(expire("a")), rules(expire("a", { expiration: [{ days: 30 }] })), expired],
    ["another prefix", lifecycle, rules(expire("a")), rules(expire("a"), expire("b")), expired],
    ["a date", lifecycle, rules(expire("a")), rules(expire("a", { expiration: [{ date: "2026-01-01" }] })), expired],
    ["a rule that is on", lifecycle, rules({ ...expire("a"), status: "Disabled" }), rules(expire("a")), expired],
    ["fewer versions", lifecycle, rules(expire("a", older(30, 3))), rules(expire("a", older(30, null))), expired],
    ["a later day", lifecycle, rules(expire("a")), rules(expire("a", { expiration: [{ days: 500 }] })), undefined],
    ["more versions", lifecycle, rules(expire("a", older(30, null))), rules(expire("a", older(30, 9))), undefined],
    ["the same, written otherwise", lifecycle, rules(expire("")), rules({ ...expire(""), filter: [] }), undefined],
    ["a rule less", lifecycle, rules(expire("a"), expire("b")), rules(expire("b")), undefined],
    ["another bucket", lifecycle, { ...rules(expire("a")), bucket: "other" }, rules(expire("a")), expired],
    ["a bucket that is new", lifecycle, {}, { rule: [expire("a")] }, undefined],
    ["a new bucket of a chosen name", lifecycle, {}, { ...rules(expire("a")), bucket: "new" }, undefined],
  ])("loses with %s what it no longer covers", (_, type, before, after, lost) => {
    expect(lossByChange(type, { ...before }, { ...after }, new Set(["new"]))).toBe(lost);
  });

  it("is a fault, and stands with what is destroyed", () => {
    const plan = planned("shorter");
    const faults = faultsOf(report([{ ...plan, partial: false }]));
    expect(faults).toEqual([
      "shorter: aws_db_instance.Db would be changed: the automated backups of more than 1 days would be lost",
      `shorter: aws_s3_bucket_lifecycle_configuration.Old would be added: ${expired} would be lost`,
    ]);
    const text = comment(report([plan]));
    expect(text).toContain(
      "| 🟡 change | `shorter` | `aws_db_instance.Db` | **the automated backups of more than 1 days** | `backup_retention_period`: `35` → `1` |",
    );
    expect(text.match(/aws_db_instance\.Db/g)).toHaveLength(2);
    expect(faultsOf(report([{ ...plan, partial: false }], { allowed: ["shorter:aws_db_instance.Db"] }))).toEqual(
      faults.slice(1),
    );
  });
});

describe("a plan of a part", () => {
  it("is a fault", () => {
    expect(faultsOf(report([made([], { partial: true })]))).toEqual([
      "made: the plan is not of all resources: plan without -target and without deferral",
    ]);
    expect(planned("shorter").partial).toBe(true);
    expect(planned("refused").partial).toBe(false);
  });
});

describe("the other changes", () => {
  it("follow: replaced ones without data, changed ones, new ones, outputs", () => {
    const text = comment(report([planned("changed")]));
    expect(faultsOf(report([planned("changed")]))).toEqual([]);
    expect(text).toContain("## Plan: 3 to replace, 5 to change");
    expect(text).toMatch(
      /🔴 replace \| `changed` \| `aws_secretsmanager_secret_version\.\S+` \| {2}\| `replace_by_triggers` \|/,
    );
    expect(text.indexOf("replace_by_triggers")).toBeLessThan(text.indexOf("<summary>5 to change"));
    // Of a policy no reader would find the difference in its first characters.
    expect(text).toMatch(/🟡 change \| `aws_iam_role_policy\.\S+` \| `policy` \|/);
  });

  it("show no value that Terraform marks as a secret, and none whose name says so", () => {
    const file = path.join(__dirname, "plans", "secrets.json");
    const { changes } = readPlan(file);
    expect(changes[0]?.attributes).toEqual([
      { name: "engine_version", before: "8.0", after: "8.4" },
      { name: "master_user_secret_kms_key_id" },
      { name: "note" },
      { name: "password" },
      { name: "tags" },
    ]);
    expect(comment(report([readPlan(file)]))).not.toMatch(/hunter2|dr@gon/);
  });

  it("are none where nothing changes", () => {
    expect(comment(report([made([])]))).toBe(
      "<!-- xray-plan made -->\n\n## Plan: no changes\n\n### Stack `made`\n\nNo changes.\n",
    );
  });
});

describe("drift", () => {
  const instance: ResourceChange = {
    address: "aws_db_instance.Db",
    kind: "update",
    attributes: [{ name: "backup_retention_period", before: "35", after: "1" }],
  };

  it("is a fault, in the plan or outside of Terraform", () => {
    const text = comment(report([made([], { drift: [instance] })], { drift: true }));
    expect(text).toContain("## Drift: 1 changed outside of Terraform");
    expect(text).toContain("`backup_retention_period`: `35` → `1`");
    const differs = ["made: what is deployed differs from the code"];
    expect(faultsOf(report([made([], { drift: [instance] })], { drift: true }))).toEqual(differs);
    expect(faultsOf(report([made([instance])], { drift: true }))).toEqual(differs);
    expect(faultsOf(report([made([])], { drift: true }))).toEqual([]);
    // A pull request's plan shows what it changes itself.
    expect(faultsOf(report([made([instance], { drift: [instance] })]))).toEqual([]);
  });

  it("is not looked for where the state is empty, and that is a fault", () => {
    expect(faultsOf(report([made([], { empty: true })], { drift: true }))).toEqual([
      "made: its state holds no resource, so that nothing was compared with AWS",
    ]);
    expect(faultsOf(report([made([], { empty: true })]))).toEqual([]);
    const states = ["shorter", "removed", "secrets"].map((name) => planned(name).empty);
    expect(states).toEqual([false, true, true]);
  });

  it("is not what RDS changes every five minutes", () => {
    expect(readPlan(path.join(__dirname, "plans", "secrets.json")).drift).toEqual([]);
  });
});

describe("text from outside", () => {
  const evil = [
    "a|b",
    "a\\|b | c",
    "`` ` ```",
    "`code`",
    "line\n\n## Approved\n| x |",
    "</details><img src=x onerror=alert(1)>",
    "@octocat #1 https://evil.example [x](javascript:1)",
    "\u202eevil\u200b\u034f\u{e0100}",
    "<!-- xray-plan other -->",
    "",
  ];

  it.each(evil)("stays one cell of code: %j", (text) => {
    const change: ResourceChange = {
      address: text,
      kind: "update",
      attributes: [{ name: "x", before: text, after: text }],
    };
    const plan = made([change, { ...change, kind: "destroy", reason: text }], { stack: text });
    const written = comment(report([plan], { allowed: [`${text}:${text}`, `${text}:other`] }));
    const html = new MarkdownIt({ html: true, linkify: true }).render(written);
    const own = /<!-- xray-plan [\w .-]* -->|<\/?(h2|h3|p|table|thead|tbody|tr|th|td|code|details|summary|br|strong)>/g;
    expect(html.replaceAll(own, "")).not.toMatch(/[<]/);
    for (const row of html.match(/<tr>[\s\S]*?<\/tr>/g) ?? []) {
      expect([3, 5]).toContain((row.match(/<t[dh]>/g) ?? []).length);
    }
    expect(written).not.toMatch(/\u202e|\u200b|\u034f|\u{e0100}/u);
  });
});

describe("a comment that GitHub would not take", () => {
  const many = (kind: ResourceChange["kind"], count: number): ResourceChange[] =>
    Array.from({ length: count }, (_, index) => ({ address: `aws_x.${kind}_${index}`, kind, attributes: [] }));

  it("loses additions first, and no destroyed resource", () => {
    const text = comment(report([made([...many("create", 3_000), ...many("update", 300), ...many("destroy", 300)])]));
    expect(text.length).toBeLessThanOrEqual(MAX_COMMENT);
    expect(text.match(/aws_x\.destroy_/g)).toHaveLength(300);
    expect(text.match(/aws_x\.update_/g)).toHaveLength(300);
    expect(text).toMatch(/… and \d+ more: see the log of the plan\./);
    expect(text).toContain("3000 to add");
  });

  it("is short enough with a long statement, and with resources of many attributes in many stacks", () => {
    const sql = `INSERT INTO t VALUES ${"(1, '🩻'),".repeat(20_000)}`;
    const migrations = { statements: [{ fileName: "V0001__x.sql", sql }], problems: [] };
    const text = comment(report([made([])], { migrations }));
    expect(text.length).toBeLessThan(5_000);
    expect(text).toMatch(/…\n\(\d+ more characters: see the file\)\n```/);
    const attributes = Array.from({ length: 200 }, (_, index) => ({
      name: `a${index}`,
      before: "x".repeat(80),
      after: "",
    }));
    const wide = (kind: ResourceChange["kind"]): ResourceChange => ({ address: `aws_x.${kind}`, kind, attributes });
    const stacks = Array.from({ length: 12 }, (_, index) =>
      made([wide("update"), { ...wide("destroy"), loss: "the tables" }], { stack: `s${index}` }),
    );
    expect(comment(report(stacks)).length).toBeLessThanOrEqual(MAX_COMMENT);
  });

  it("is short enough where all is destroyed, and those with data come first", () => {
    const lost = many("destroy", 9_000).map((change, index) =>
      index === 8_999 ? { ...change, loss: "the tables" } : change,
    );
    const text = comment(report([made(lost)]));
    expect(text.length).toBeLessThanOrEqual(MAX_COMMENT);
    expect(text).toContain("`aws_x.destroy_8999` | **the tables**");
    expect(text).toContain("9000 to destroy");
  });
});
