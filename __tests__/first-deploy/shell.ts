import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";

/** A bash in which block after block is run, so that variables last from one to the next, as with a person. */
export class Shell {
  private readonly child: ChildProcessWithoutNullStreams;
  private output = "";

  constructor(
    folder: string,
    private readonly scratch: string,
    environment: NodeJS.ProcessEnv,
  ) {
    this.child = spawn("bash", [], { cwd: folder, env: environment, stdio: "pipe" });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => (this.output += text));
    }
  }

  /** Runs commands to their end; the exit code is that of the last one. */
  async run(commands: string): Promise<{ code: number; output: string }> {
    const file = path.join(this.scratch, "block.sh");
    const end = `end of block ${process.hrtime.bigint()}`;
    writeFileSync(file, commands);
    this.output = "";
    this.child.stdin.write(`. ${file} < /dev/null; code=$?; echo; echo "${end} $code"\n`);
    const found = new RegExp(`^${end} (\\d+)\n`, "m");
    while (!found.test(this.output)) {
      if (this.child.exitCode !== null) throw new Error(`the shell ended: ${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return { code: Number(found.exec(this.output)?.[1]), output: this.output.split(end)[0]?.trim() ?? "" };
  }

  close(): void {
    this.child.stdin.end();
    this.child.kill();
  }
}
