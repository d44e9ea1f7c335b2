import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const root = path.join(__dirname, "..", "..");
const folder = mkdtempSync(path.join(tmpdir(), "deployer-policy-cli-"));
const written = path.join(folder, "cdktf.out", "deployer-policy");

afterAll(() => rmSync(folder, { recursive: true }));

function run(script: string, args: string[], env: NodeJS.ProcessEnv = {}): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(root, "dist", script), ...args], {
    cwd: folder,
    env: { ...process.env, ...env },
    encoding: "utf8",
  });
  return { status, output: (stdout + stderr).trim() };
}
const command = (...args: string[]) => run("deployer-policy/cli.js", args);

describe("npm run deployer-policy -- dev", () => {
  beforeAll(() => {
    expect(run("main.js", [], { DEV_STATE_BUCKET: "acme-xray-dev-state", DEV_BASTION: "true" }).status).toBe(0);
  });

  it("writes the policies of all stacks of the environment and tells their files", () => {
    mkdirSync(written, { recursive: true });
    writeFileSync(path.join(written, "dev-deployer-9.json"), "of an earlier run");
    const { status, output } = command("dev");
    expect(status).toBe(0);
    const files = output.split("\n");
    expect(files).toEqual(files.map((_, index) => `cdktf.out/deployer-policy/dev-deployer-${index + 1}.json`));
    const texts = files.map((file) => readFileSync(path.join(folder, file), "utf8"));
    const all = texts.map((text) => JSON.stringify(JSON.parse(text))).join("");
    for (const part of [
      "rds:CreateDBInstance",
      "dev-metadata-schema.tfstate",
      "acme-xray-dev-state",
      "ssm:StartSession",
    ]) {
      expect(all).toContain(part);
    }
    expect(existsSync(path.join(written, "dev-deployer-9.json"))).toBe(false);
  });

  it("takes a stack by its name, and another folder", () => {
    expect(command("dev-state-backend", "--output", "there")).toEqual({
      status: 0,
      output: "there/dev-state-backend-deployer-1.json",
    });
    expect(existsSync(path.join(folder, "there", "dev-state-backend-deployer-1.json"))).toBe(true);
  });

  it("refuses an environment that is not synthesized in one line", () => {
    expect(command("stage")).toEqual({
      status: 1,
      output:
        "error: no stack stage or stage-data-lake below cdktf.out/stacks: run cdktf synth first, from this folder",
    });
  });

  it("refuses a command that it does not understand, with exit code 2", () => {
    expect(command().output).toMatch(/^error: no stack is named\n\nUsage: xray-deployer-policy/);
    expect(command().status).toBe(2);
    expect(command("dev", "--account", "1").output).toMatch(/^error: Unknown option '--account'/);
  });
});
