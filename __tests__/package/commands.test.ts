import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";

const root = path.join(__dirname, "..", "..");
const { bin } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { bin: Record<string, string> };

function run(file: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(root, file), ...args], {
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

describe.each(Object.entries(bin))("%s", (name, file) => {
  it("prints its usage for --help", () => {
    const { status, stdout, stderr } = run(file, "--help");
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(new RegExp(`^Usage: ${name} `));
  });

  it.each([[["--unknown"]], [[]]])("ends with 2, one line and its usage for %j", (args) => {
    const { stdout: usage } = run(file, "--help");
    const { status, stdout, stderr } = run(file, ...args);
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^error: .+\n\nUsage: /);
    expect(stderr.endsWith(`\n\n${usage}`)).toBe(true);
  });
});
