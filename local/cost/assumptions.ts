import { parseArgs } from "node:util";
import { ToolError } from "../tools/tool-error";

/** Quantities that no stack tells. */
export const ASSUMPTIONS = {
  months: { default: 12, text: "months since the first deploy" },
  predictions: { default: 1300, text: "predictions a month, each with one image" },
  "image-mb": { default: 5, text: "MB of an image" },
  rows: { default: 1_000_000, text: "rows in the database" },
  "rds-backup-gb": { default: 20, text: "GB of RDS's own backups" },
  "backup-minutes": {
    default: 5,
    text: "minutes of a backup run (measured without Glue: 0.04 for a million rows)",
  },
  "log-gb": { default: 0.2, text: "GB of logs a month" },
  queries: { default: 20, text: "queries of detections a month" },
  "query-gb": { default: 0.1, text: "GB that such a query reads" },
} as const;

export type Assumptions = Record<keyof typeof ASSUMPTIONS, number>;

/** The command's environment, and the assumptions with what the command line says of them. */
export function parseCommandLine(args: string[]): { environment?: string; write: boolean; assumptions: Assumptions } {
  const names = Object.keys(ASSUMPTIONS) as (keyof Assumptions)[];
  const options = Object.fromEntries(names.map((name) => [name, { type: "string" as const }]));
  let parsed;
  try {
    parsed = parseArgs({ args, allowPositionals: true, options: { ...options, write: { type: "boolean" } } });
  } catch (error) {
    throw new ToolError(`${(error as Error).message.split(/\.\s/)[0]}\n\n${usage()}`);
  }
  const { positionals } = parsed;
  const values = parsed.values as Record<string, string | boolean | undefined>;
  const write = values.write === true;
  if (positionals.length !== (write ? 0 : 1)) throw new ToolError(`one environment must be named\n\n${usage()}`);
  const assumptions = Object.fromEntries(
    names.map((name) => [name, amount(name, values[name] as string | undefined)]),
  ) as Assumptions;
  return { environment: positionals[0], write, assumptions };
}

export function defaultAssumptions(): Assumptions {
  return parseCommandLine(["--write"]).assumptions;
}

function amount(name: keyof Assumptions, text: string | undefined): number {
  if (text === undefined) return ASSUMPTIONS[name].default;
  const number = Number(text.replaceAll(",", ""));
  if (text.trim() !== "" && Number.isFinite(number) && number >= 0) return number;
  throw new ToolError(`--${name} must be a number of at least 0, got "${text}"`);
}

function usage(): string {
  const lines = Object.entries(ASSUMPTIONS).map(
    ([name, { default: value, text }]) => `  --${name.padEnd(15)} ${text} (default ${value.toLocaleString("en")})`,
  );
  return ["Usage: npm run cost -- <environment> [options]", "", ...lines].join("\n");
}
