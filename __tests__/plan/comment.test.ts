import path from "node:path";
import { comment, faultsOf, MAX_COMMENT, type Report } from "../../src/plan/comment";
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
    const allowed = report([planned("replaced")], { allowed: [database] });
    expect(faultsOf(allowed)).toEqual([]);
    expect(comment(allowed)).toContain("**the database with its rows**, allowed");
    const other = report([planned("replaced")], { allowed: ["aws_db_instance.Data*"] });
    expect(faultsOf(other)).toHaveLength(1);
    expect(comment(other)).toContain("--allow-destroy `aws_db_instance.Data*` allows nothing here: take it out.");
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
    // A database that another tool's block makes is one, too.
    expect(Object.keys(STATEFUL_TYPES).filter((type) => !stateful.some((one) => one.type === type))).toEqual([
      "mysql_database",
    ]);
  });
});

interface Resource extends Record<string, unknown> {
  readonly lifecycle?: { readonly prevent_destroy?: boolean };
  readonly recovery_window_in_days?: number;
}

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
    "\u202eevil\u200b",
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
    const written = comment(report([plan], { allowed: [text] }));
    const html = new MarkdownIt({ html: true, linkify: true }).render(written);
    const own = /<!-- xray-plan [\w .-]* -->|<\/?(h2|h3|p|table|thead|tbody|tr|th|td|code|details|summary|br|strong)>/g;
    expect(html.replaceAll(own, "")).not.toMatch(/[<]/);
    for (const row of html.match(/<tr>[\s\S]*?<\/tr>/g) ?? []) {
      expect([3, 5]).toContain((row.match(/<t[dh]>/g) ?? []).length);
    }
    expect(written).not.toMatch(/[\u202e\u200b]/);
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
