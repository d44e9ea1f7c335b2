import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { repositoryRoot } from "../local/tools/paths";
import type { BenchmarkRow } from "./load";

const PAGE = path.join(repositoryRoot, "docs", "comparison.md");
const SIZES = [10_000, 100_000, 1_000_000, 5_000_000];

const number = (value: number): string =>
  value.toLocaleString("en-US", { maximumFractionDigits: value < 10 ? 2 : value < 100 ? 1 : 0 });
const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

/** A row of the results; the page has no figure that they lack. */
function rowOf(rows: readonly BenchmarkRow[], name: string, size: number | undefined, unit?: string): BenchmarkRow {
  const found = rows.find(
    (row) => row.name === name && (size === undefined || Number(row.size) === size) && (unit ?? row.unit) === row.unit,
  );
  if (found === undefined) throw new Error(`bench/results.json has no "${name}" of ${size ?? unit}: run the benchmark`);
  return found;
}

/** Ours and theirs for each number of boxes; several rows of the results stand side by side. */
function bySize(rows: readonly BenchmarkRow[], ours: string, columns: Record<string, string>): string {
  return table(
    ["boxes", ours, ...Object.keys(columns)],
    SIZES.map((size) => {
      const found = Object.values(columns).map((name) => rowOf(rows, name, size));
      return [number(size), number(found[0]?.ours ?? NaN), ...found.map(({ theirs }) => number(theirs))];
    }),
  );
}

function peers(rows: readonly BenchmarkRow[]): string {
  const names = [...new Set(rows.map(({ name }) => name).filter((name) => name.startsWith("synth of ")))];
  const units = { s: "processor time, s", MB: "heap, MB", modules: "modules", resources: "resources" };
  return table(
    ["a stack of", "by", ...Object.values(units)],
    names.flatMap((name) => {
      const [, kind = "", other = ""] = /^synth of (a \w+): (.+)$/.exec(name) ?? [];
      const found = Object.keys(units).map((unit) => rowOf(rows, name, undefined, unit));
      return [
        [kind, "this", ...found.map(({ ours }) => number(ours))],
        [kind, other, ...found.map(({ theirs }) => number(theirs))],
      ];
    }),
  );
}

/** The page with the figures of the results between its marks. */
export function withFigures(page: string, rows: readonly BenchmarkRow[]): string {
  const figures: Record<string, string> = {
    "the other packages": peers(rows),
    backups: [
      bySize(rows, "backup, proved (s)", {
        "mysqldump + load (s)": "backup, proved ÷ (mysqldump + load)",
        "mydumper + myloader (s)": "backup, proved ÷ (mydumper + myloader)",
      }),
      bySize(rows, "restore, proved (rows/s)", {
        "load of the dump (rows/s)": "restore into nothing ÷ load of the dump",
        "myloader (rows/s)": "restore into nothing ÷ myloader",
      }),
    ].join("\n\n"),
    purges: bySize(rows, "purge, proved (rows/s)", { "pt-archiver (rows/s)": "purge ÷ pt-archiver" }),
  };
  return Object.entries(figures).reduce((text, [name, figure]) => {
    const marked = new RegExp(`(<!-- figures of ${name} -->\n)[\\s\\S]*?(\n<!-- end of figures -->)`);
    if (!marked.test(text)) throw new Error(`docs/comparison.md has no marks for the figures of ${name}`);
    return text.replace(marked, (_, begin: string, end: string) => `${begin}\n${figure}\n${end}`);
  }, page);
}

/** Writes what bench/results.json holds into docs/comparison.md. */
export function writeComparison(): void {
  const rows = JSON.parse(readFileSync(path.join(repositoryRoot, "bench", "results.json"), "utf8")) as BenchmarkRow[];
  writeFileSync(PAGE, withFigures(readFileSync(PAGE, "utf8"), rows));
}
