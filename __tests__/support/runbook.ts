import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { localPath, repositoryRoot } from "../../local/tools/paths";
import { pythonEnvironment } from "../../local/tools/python-environment";

/** Commands of a page of docs/runbook. */
export interface Block {
  readonly heading: string;
  readonly language: string;
  readonly text: string;
  /** True where the page says that only AWS can run them. */
  readonly onlyInAws: boolean;
}

/** The blocks of a page, in order. */
export function blocksOf(page: string): Block[] {
  const document = readFileSync(path.join(repositoryRoot, "docs", "runbook", `${page}.md`), "utf8");
  return [...document.matchAll(/^( *)```(sh|sql)\n(.*?)^ *```$/gms)].map((match) => {
    const before = document.slice(0, match.index).trimEnd();
    return {
      heading: [...before.matchAll(/^#+ (.*)$/gm)].at(-1)?.[1] ?? "",
      language: match[2] ?? "",
      text: (match[3] ?? "").replace(new RegExp(`^${match[1] ?? ""}`, "gm"), ""),
      onlyInAws: /^\*\*Only in AWS:\*\*/.test(before.slice(before.lastIndexOf("\n\n") + 2)),
    };
  });
}

/** A bash with the AWS CLI, in which block after block is run, so that variables last from one to the next. */
export class Shell {
  private readonly bash: ChildProcessWithoutNullStreams;
  private output = "";
  private count = 0;

  private constructor(
    private readonly folder: string,
    environment: NodeJS.ProcessEnv,
  ) {
    this.bash = spawn("bash", { cwd: folder, env: environment });
    for (const stream of [this.bash.stdout, this.bash.stderr]) {
      stream.on("data", (chunk: Buffer) => (this.output += chunk.toString()));
    }
  }

  static async open(folder: string, environment: NodeJS.ProcessEnv): Promise<Shell> {
    const python = await pythonEnvironment("aws-cli", path.join(repositoryRoot, "local", "aws-cli.txt"));
    mkdirSync(folder, { recursive: true });
    const variables = { ...environment, PATH: `${path.dirname(python)}:${process.env["PATH"] ?? ""}` };
    return new Shell(folder, { ...process.env, ...variables });
  }

  /**
   * Runs commands and gives their output, errors among it.
   *
   * @throws Error where the last command fails
   */
  async run(script: string): Promise<string> {
    const file = path.join(this.folder, "block.sh");
    const end = `end of block ${(this.count += 1)}:`;
    writeFileSync(file, script);
    this.output = "";
    this.bash.stdin.write(`. ${file} < /dev/null; code=$?; echo; echo "${end} $code"\n`);
    const ended = new RegExp(`^${end} (\\d+)\\n`, "m");
    while (!ended.test(this.output)) {
      if (this.bash.exitCode !== null) throw new Error(`the shell ended: ${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const output = this.output.replace(ended, "");
    if (ended.exec(this.output)?.[1] !== "0") throw new Error(`${script}\n${output}`);
    return output;
  }

  close(): void {
    this.bash.stdin.end();
  }
}

const results = localPath("test-results", "runbook.json");

/** A page whose blocks of one language are run in order. */
export class Page {
  readonly left: Block[];
  private seconds = 0;

  constructor(
    private readonly name: string,
    language: string,
    private readonly runBlock: (text: string) => Promise<string>,
  ) {
    this.left = blocksOf(name).filter((block) => !block.onlyInAws && block.language === language);
  }

  /** Runs the next block, which stands under this heading, with values in place of its examples. */
  async next(heading: string, values: Record<string, string> = {}): Promise<string> {
    const block = this.left.shift();
    if (block?.heading !== heading) throw new Error(`${this.name}: next is ${JSON.stringify(block)}, not ${heading}`);
    let text = block.text.replace(/ +(# yours|-- yours)$/gm, "");
    for (const [name, value] of Object.entries(values)) {
      if (!text.includes(name)) throw new Error(`${this.name}: nothing to replace ${name} in ${text}`);
      const line = new RegExp(`^${name}=.*$`, "m");
      text = line.test(text) ? text.replace(line, () => `${name}='${value}'`) : text.replaceAll(name, value);
    }
    const start = Date.now();
    try {
      return await this.runBlock(text);
    } finally {
      this.seconds += (Date.now() - start) / 1000;
    }
  }

  /** Notes the page's seconds; throws where a block was not run. */
  end(): void {
    if (this.left.length > 0) throw new Error(`${this.name}: not run: ${this.left.map(({ text }) => text).join("\n")}`);
    mkdirSync(path.dirname(results), { recursive: true });
    let known: Record<string, unknown> = {};
    try {
      known = JSON.parse(readFileSync(results, "utf8")) as Record<string, unknown>;
    } catch {
      // The first page of a run.
    }
    writeFileSync(results, JSON.stringify({ ...known, [this.name]: { seconds: this.seconds } }, null, 2));
  }
}
