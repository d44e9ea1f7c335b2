import { readFileSync } from "node:fs";
import path from "node:path";
import { localPath, repositoryRoot } from "../../../local/tools/paths";
import { runCommand } from "../../../local/tools/run-command";

/** One rule that a resource of a plan breaks. */
export interface Finding {
  readonly stack: string;
  readonly rule: string;
  /** Address without hash. */
  readonly resource: string;
}

/** Result of a tool on one plan. */
export interface Verdict {
  readonly passed: number;
  readonly findings: Finding[];
}

/** Line of `policy/skips.csv`; `*` stands for any text. */
export interface Skip {
  readonly rule: string;
  readonly stacks: string[];
  readonly resource: string;
  readonly reason: string;
}

const SKIPS = path.join(repositoryRoot, "policy", "skips.csv");

/** Lines of the file of skips: rule, stacks, resource, reason. */
export function readSkips(text = readFileSync(SKIPS, "utf8")): Skip[] {
  const [, ...lines] = text.trim().split("\n");
  return lines.map((line) => {
    const match = /^([^,]+),([^,]+),([^,]+),(.+)$/.exec(line);
    if (match === null) throw new Error(`policy/skips.csv: rule,stacks,resource,reason, got: ${line}`);
    const [, rule = "", stacks = "", resource = "", reason = ""] = match;
    return { rule, stacks: stacks.split(" "), resource, reason };
  });
}

const fits = (pattern: string, text: string): boolean =>
  new RegExp(
    `^${pattern
      .split("*")
      .map((part) => part.replace(/[.\\[\]]/g, "\\$&"))
      .join(".*")}$`,
  ).test(text);

export function covers(skip: Skip, { rule, stack, resource }: Finding): boolean {
  return skip.rule === rule && skip.stacks.some((one) => fits(one, stack)) && fits(skip.resource, resource);
}

/** Findings that no skip covers, and skips that cover none of these plans' findings, each in one line. */
export function unexplained(findings: readonly Finding[], skips: readonly Skip[]): string[] {
  return [
    ...findings
      .filter((finding) => !skips.some((skip) => covers(skip, finding)))
      .map(({ stack, rule, resource }) => `${stack}: ${rule} ${resource} has no line in policy/skips.csv`),
    ...skips.flatMap((skip) =>
      skip.stacks
        .filter((stack) => !findings.some((finding) => covers({ ...skip, stacks: [stack] }, finding)))
        .map((stack) => `policy/skips.csv: ${skip.rule},${stack},${skip.resource} covers no finding`),
    ),
  ];
}

export const withoutHash = (address: string): string => address.replace(/_[0-9A-F]{8}(?=$|\[)/, "");

interface CheckovReport {
  readonly summary: { readonly parsing_errors: number };
  readonly results: Record<
    "passed_checks" | "failed_checks" | "skipped_checks",
    { readonly check_id: string; readonly resource: string; readonly file_path: string }[]
  >;
}

/** Runs checkov on the plans of stacks, `<folder>/<stack>.json`, in one process. */
export async function runCheckov(folder: string, stacks: readonly string[]): Promise<Record<string, Verdict>> {
  const files = stacks.map((stack) => `${stack}.json`);
  const { stdout } = await runCommand(
    localPath("venv", "policy", "bin", "python"),
    ["-m", "checkov.main", "-f", ...files, "--framework", "terraform_plan", "--skip-download", "-o", "json"],
    { cwd: folder, okCodes: [0, 1], logFile: localPath("log", "checkov.log") },
  );
  const { summary, results } = JSON.parse(stdout) as CheckovReport;
  if (summary.parsing_errors > 0 || results.skipped_checks.length > 0) throw new Error(JSON.stringify(summary));
  return Object.fromEntries(
    stacks.map((stack) => {
      const mine = <T extends { file_path: string }>(all: T[]): T[] =>
        all.filter(({ file_path }) => file_path === `/${stack}.json`);
      const findings = mine(results.failed_checks).map(({ check_id: rule, resource }) => ({
        stack,
        rule,
        resource: withoutHash(resource),
      }));
      return [stack, { passed: mine(results.passed_checks).length, findings }];
    }),
  );
}
