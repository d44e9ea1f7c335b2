import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { repositoryRoot } from "../tools/paths";
import { ToolError } from "../tools/tool-error";

/** Commands and, by name, files that a page tells a reader to type. */
export interface ReadmeProject {
  readonly commands: readonly string[];
  readonly files: Readonly<Record<string, string>>;
}

/** The project of the README, for cdktf, or of docs/cdktn.md, for cdktn. */
export function readmeProject(cdk: "cdktf" | "cdktn"): ReadmeProject {
  const readme = page("README.md");
  const files = {
    "main.ts": found(readme, /^`main\.ts`:\n\n```ts\n([\s\S]*?)^```$/m),
    "tsconfig.json": found(readme, /^`tsconfig\.json`;[^\n]*\n\n```json\n([\s\S]*?)^```$/m),
    "cdktf.json": found(readme, /^`cdktf\.json`:\n\n```json\n([\s\S]*?)^```$/m),
  };
  if (cdk === "cdktf") {
    const commands = found(readme, /^## In your own repository\n\n((?: {4}.*\n)+)/m);
    return { commands: linesOf(commands), files };
  }
  const moved = page("docs/cdktn.md");
  return {
    commands: linesOf(found(moved, /^```bash\n(npm install [\s\S]*?)^```$/m)),
    files: {
      ...files,
      "main.ts": files["main.ts"].replaceAll(/(?<=")(@?)cdktf(?=[-/"])/g, "$1cdktn"),
      "cdktf.json": found(moved, /^```json\n([\s\S]*?)^```$/m),
    },
  };
}

/** Number of lines that a reader writes. */
export const writtenLines = ({ files }: ReadmeProject): number =>
  Object.values(files).reduce((sum, text) => sum + linesOf(text).length, 0);

/** Makes an empty folder with the project's files in it. */
export function writeProject({ files }: ReadmeProject, folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
}

const page = (name: string): string => readFileSync(path.join(repositoryRoot, name), "utf8");

function found(text: string, block: RegExp): string {
  const part = block.exec(text)?.[1];
  if (part === undefined) throw new ToolError(`no block of the page is as ${block.source}`);
  return part;
}

const linesOf = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
