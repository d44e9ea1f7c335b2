import { code, codeBlock, table } from "./markdown";
import type { NewMigrations } from "./new-migrations";
import type { AttributeChange, ChangeKind, ResourceChange, StackPlan } from "./terraform-plan";

/** All that a comment tells. */
export interface Report {
  /** The plans, in the order of the command. */
  readonly plans: readonly StackPlan[];
  /**
   * Migrations that the pull request adds.
   * @default - not looked at
   */
  readonly migrations?: NewMigrations;
  /** Resources whose data may be lost, as `<stack>:<address>`. */
  readonly allowed: readonly string[];
  /** Changes of any kind are a fault: the plans are of what is deployed. */
  readonly drift: boolean;
}

/** Characters of a comment that GitHub takes are 65,536. */
export const MAX_COMMENT = 65_000;

const WORDS: Record<ChangeKind, string> = {
  destroy: "🔴 destroy",
  replace: "🔴 replace",
  forget: "🟠 forget",
  update: "🟡 change",
  create: "🟢 add",
  import: "🟢 import",
};

const DONE: Record<ChangeKind, string> = {
  destroy: "destroyed",
  replace: "replaced",
  forget: "forgotten",
  update: "changed",
  create: "added",
  import: "imported",
};

/** Kinds of rows, in the order in which a long comment keeps them. */
const PRIORITIES = ["lost", "statements", "changed", "added"] as const;
/** Rows of one kind: of more, no comment could hold all. */
const MAX_ROWS = 1_600;
type Limits = Record<(typeof PRIORITIES)[number], number>;

/** Form in which `--allow-destroy` names a resource. */
const exceptionFor = (stack: string, address: string): string => `${stack}:${address}`;

/** Faults for which a check is red, each in one line; none where the pull request may be merged. */
export function faultsOf({ plans, migrations, allowed, drift }: Report): string[] {
  const lost = plans.flatMap(({ stack, changes }) =>
    changes
      .filter(({ loss, address }) => loss !== undefined && !allowed.includes(exceptionFor(stack, address)))
      .map(({ kind, address, loss }) => `${stack}: ${address} would be ${DONE[kind]}: ${loss} would be lost`),
  );
  const refused = plans
    .filter(({ errored }) => errored)
    .map(
      ({ stack }) =>
        `${stack}: Terraform refuses the plan, for a reason that its log names; the changes may not be all`,
    );
  const partial = plans
    .filter((plan) => plan.partial)
    .map(({ stack }) => `${stack}: the plan is not of all resources: plan without -target and without deferral`);
  const drifted = drift ? plans.filter((plan) => plan.changes.length + plan.drift.length > 0) : [];
  const unseen = drift ? plans.filter((plan) => plan.empty && !drifted.includes(plan)) : [];
  return [
    ...lost,
    ...refused,
    ...partial,
    ...(migrations?.problems ?? []),
    ...drifted.map(({ stack }) => `${stack}: what is deployed differs from the code`),
    ...unseen.map(({ stack }) => `${stack}: its state holds no resource, so that nothing was compared with AWS`),
  ];
}

/**
 * A comment in Markdown, of a length that GitHub takes: destroyed resources first, then migrations, then what changes and
 * what is new. A long one loses rows from its end, and tells how many.
 */
export function comment(report: Report): string {
  const limits: Limits = { lost: MAX_ROWS, statements: MAX_ROWS, changed: MAX_ROWS, added: MAX_ROWS };
  let text = render(report, limits);
  for (const priority of PRIORITIES.toReversed()) {
    while (text.length > MAX_COMMENT && limits[priority] > 0) {
      limits[priority] = Math.floor(limits[priority] / 2);
      text = render(report, limits);
    }
  }
  return text;
}

function render(report: Report, limits: Limits): string {
  const { plans, migrations, allowed } = report;
  const faults = faultsOf(report);
  const lost = plans.flatMap(({ stack, changes }) =>
    changes.filter(({ loss }) => loss !== undefined).map(({ address }) => exceptionFor(stack, address)),
  );
  // An exception for a stack that is planned elsewhere, as the schema's is, is for there.
  const unused = allowed.filter(
    (name) => plans.some(({ stack }) => name.startsWith(`${stack}:`)) && !lost.includes(name),
  );
  const sections = [
    marker(plans),
    `## ${report.drift ? "Drift" : "Plan"}: ${summary(plans, migrations)}`,
    ...(faults.length > 0 ? [caution(faults, limits.lost)] : []),
    ...unused.map((name) => `--allow-destroy ${code(name)} allows nothing here: take it out.`),
    ...lostSection(report, limits),
    ...(migrations === undefined ? [] : migrationsSection(migrations, limits)),
    ...plans.flatMap((plan) => stackSection(plan, report, limits)),
  ];
  return `${sections.join("\n\n")}\n`;
}

/** Line that no reader sees, by which a later run finds the comment and writes it anew. */
function marker(plans: readonly StackPlan[]): string {
  return `<!-- xray-plan ${plans.map(({ stack }) => stack.replaceAll(/[^\w.]+/g, "-")).join(" ")} -->`;
}

const of = (changes: readonly ResourceChange[], ...kinds: ChangeKind[]): ResourceChange[] =>
  kinds.flatMap((kind) => changes.filter((change) => change.kind === kind));

/** Changes in place, or additions, by which data is lost: they stand with what is destroyed. */
const shrinking = (changes: readonly ResourceChange[]): ResourceChange[] =>
  of(changes, "update", "create", "import").filter(({ loss }) => loss !== undefined);

function summary(plans: readonly StackPlan[], migrations?: NewMigrations): string {
  const changes = plans.flatMap((plan) => plan.changes);
  const counts = (Object.keys(WORDS) as ChangeKind[])
    .map((kind) => [of(changes, kind).length, kind === "update" ? "change" : kind === "create" ? "add" : kind] as const)
    .filter(([count]) => count > 0);
  const drift = plans.flatMap((plan) => plan.drift).length;
  const statements = migrations?.statements.length ?? 0;
  const parts = [
    ...counts.map(([count, word]) => `${count} to ${word}`),
    ...(statements > 0 ? [`${plural(statements, "statement")} for the database`] : []),
    ...(counts.length === 0 && drift > 0 ? [`${drift} changed outside of Terraform`] : []),
  ];
  return parts.length === 0 ? "no changes" : parts.join(", ");
}

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** GitHub shows it in red. */
function caution(faults: readonly string[], limit: number): string {
  const shown = faults.slice(0, limit).map((fault) => `> - ❌ ${code(fault)}`);
  return [
    "> [!CAUTION]",
    "> **This check fails:**",
    ...shown,
    ...rest(faults.length, limit).map((line) => `> ${line}`),
  ].join("\n");
}

const rest = (count: number, limit: number): string[] =>
  count > limit ? [`… and ${count - limit} more: see the log of the plan.`] : [];

function lostSection({ plans, allowed }: Report, { lost: limit }: Limits): string[] {
  const all = plans
    .flatMap(({ stack, changes }) =>
      [...of(changes, "destroy", "replace", "forget"), ...shrinking(changes)].map((change) => ({ stack, change })),
    )
    .sort((a, b) => Number(b.change.loss !== undefined) - Number(a.change.loss !== undefined));
  if (all.length === 0) return [];
  const rows = all
    .slice(0, limit)
    .map(({ stack, change: { address, attributes, kind, loss, reason } }) => [
      WORDS[kind],
      code(stack),
      code(address),
      loss === undefined ? "" : `**${loss}**${allowed.includes(exceptionFor(stack, address)) ? ", allowed" : ""}`,
      attributes.length === 0 && reason !== undefined ? code(reason) : attributesText(attributes),
    ]);
  const head = ["", "stack", "resource", "would be lost", "because of"];
  return ["### Destroyed", table(head, rows), ...rest(all.length, limit)];
}

function migrationsSection({ statements }: NewMigrations, { statements: limit }: Limits): string[] {
  if (statements.length === 0) return [];
  const destructive = statements.filter(({ destructiveReason }) => destructiveReason !== undefined);
  const ordered = [...destructive, ...statements.filter((one) => !destructive.includes(one))];
  const shown = ordered.slice(0, limit).map(({ fileName, sql, destructiveReason }) => {
    const verdict = destructiveReason === undefined ? "🟢 additive" : `🔴 **destructive**: ${code(destructiveReason)}`;
    return `${code(fileName)}: ${verdict}\n\n${codeBlock("sql", sql)}`;
  });
  return [
    `### Migrations: ${plural(statements.length, "statement")}, ${destructive.length} destructive`,
    ...shown,
    ...rest(ordered.length, limit),
  ];
}

function stackSection({ stack, changes, drift, outputs }: StackPlan, report: Report, limits: Limits): string[] {
  const others = changes.filter(({ loss }) => loss === undefined);
  const changed = of(others, "update");
  const added = of(others, "create", "import");
  const parts = [
    ...(drift.length > 0 && report.drift ? details("changed outside of Terraform", drift, limits.changed) : []),
    ...details("to change", changed, limits.changed),
    ...details("to add", added, limits.added),
    ...(outputs > 0 ? [`${outputs} ${outputs === 1 ? "output changes" : "outputs change"}.`] : []),
  ];
  if (parts.length > 0) return [`### Stack ${code(stack)}`, ...parts];
  return changes.length > 0 ? [] : [`### Stack ${code(stack)}`, "No changes."];
}

function details(title: string, changes: readonly ResourceChange[], limit: number): string[] {
  if (changes.length === 0) return [];
  const rows = changes
    .slice(0, limit)
    .map(({ kind, address, attributes }) => [WORDS[kind], code(address), attributesText(attributes)]);
  return [
    `<details><summary>${changes.length} ${title}</summary>`,
    table(["", "resource", "attributes"], rows),
    ...rest(changes.length, limit),
    "</details>",
  ];
}

function attributesText(attributes: readonly AttributeChange[]): string {
  return attributes
    .map(({ name, before, after }) =>
      before === undefined || after === undefined ? code(name) : `${code(name)}: ${code(before)} → ${code(after)}`,
    )
    .join("<br>");
}
