import { readFileSync } from "node:fs";
import path from "node:path";
import { repositoryRoot } from "../../local/tools/paths";

/** Commands of a page, in one fence. */
export interface Block {
  /** Heading that it stands under. */
  readonly heading: string;
  readonly text: string;
  /** The reason for which only AWS can run it. */
  readonly onlyInAws?: string;
}

const BLOCK = /^```sh\n([\s\S]*?)^```$/gm;
const ONLY_IN_AWS = "**Only in AWS:**";

/** The blocks of a page below `docs`, in order. */
export function blocksOf(page: string): Block[] {
  const text = readFileSync(path.join(repositoryRoot, "docs", page), "utf8");
  return [...text.matchAll(BLOCK)].map((match) => {
    const before = text.slice(0, match.index).trimEnd();
    const heading = [...before.matchAll(/^#+ (.*)$/gm)].at(-1)?.[1] ?? "";
    const paragraph = before.split("\n\n").at(-1) ?? "";
    const onlyInAws = paragraph.startsWith(ONLY_IN_AWS) ? paragraph.slice(ONLY_IN_AWS.length).trim() : undefined;
    return { heading, text: match[1] ?? "", ...(onlyInAws !== undefined && { onlyInAws }) };
  });
}

/** A block's commands with values in place of the examples that end with `# yours`. */
export function withValues(text: string, values: Record<string, string>): string {
  return text.replace(/^(\w+)=(.*?)\s+# yours$/gm, (line, name: string) =>
    values[name] === undefined ? line : `${name}='${values[name]}'`,
  );
}
