/** Longest text that is shown in one piece. */
const MAX_TEXT = 300;
/** Longest text of several lines. */
const MAX_BLOCK = 3_000;

/**
 * Characters that change what a reader sees without being seen: controls, marks of direction, line separators, and all that
 * Unicode has fonts show as nothing.
 */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

const visible = (text: string): string =>
  text.replaceAll(INVISIBLE, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);

/** The longest run of backticks in a text. */
function longestRun(text: string): number {
  return Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
}

/** A text from outside as code in a table's cell: no markup, mention or link in it works, and it stays in its cell. */
export function code(text: string): string {
  const shown = [...visible(text.replaceAll(/\s*\n\s*/g, " "))];
  const cut = shown.length > MAX_TEXT ? `${shown.slice(0, MAX_TEXT).join("")}…` : shown.join("");
  if (cut.trim() === "") return "(empty)";
  const fence = "`".repeat(longestRun(cut) + 1);
  // A backtick at the edge would be read as a part of the fence.
  const edge = /^`|`$/.test(cut) ? " " : "";
  // GitHub's tables end a cell at a pipe also inside of code, unless a backslash escapes it that no other one escapes.
  const inCell = cut.replaceAll(/(\\?)\|/g, (_, slash: string) => (slash === "" ? "\\|" : "\\\\u{7c}"));
  return `${fence}${edge}${inCell}${edge}${fence}`;
}

/** A text from outside as a block of code, of several lines. */
export function codeBlock(language: string, text: string): string {
  const all = text.split("\n").map(visible).join("\n");
  const rest = all.length - MAX_BLOCK;
  const shown = rest > 0 ? `${all.slice(0, MAX_BLOCK)}…\n(${rest} more characters: see the file)` : all;
  const fence = "`".repeat(Math.max(3, longestRun(shown) + 1));
  return `${fence}${language}\n${shown}\n${fence}`;
}

/** A table; its cells are Markdown already. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
