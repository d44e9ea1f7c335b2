import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { stepOf } from "../support/workflow";

const root = path.join(__dirname, "..", "..");
const plans = path.join(__dirname, "plans");
const folder = mkdtempSync(path.join(tmpdir(), "xray-plan-"));
const migrations = path.join(root, "sql", "migrations");

afterAll(() => rmSync(folder, { recursive: true }));

function command(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(root, "dist", "plan", "cli.js"), ...args], {
    cwd: folder,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}
const replaced = path.join(plans, "replaced.json");
const database = "aws_db_instance.Database_B269D8BB";

describe("xray-plan", () => {
  it("writes the comment, and ends with 1 where data would be lost", () => {
    expect(command(replaced, "--output", "comment.md")).toEqual({
      status: 1,
      stdout: "",
      stderr: `error: replaced: ${database} would be replaced: the database with its rows would be lost\n`,
    });
    expect(readFileSync(path.join(folder, "comment.md"), "utf8")).toMatch(
      /^<!-- xray-plan replaced -->\n\n## Plan: 2 to/,
    );
  });

  it("ends with 0 where the loss is allowed by the address", () => {
    const { status, stdout, stderr } = command(replaced, "--allow-destroy", `replaced:${database}`);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toContain(", allowed |");
  });

  it("ends with 1 for any change with --drift", () => {
    const { status, stderr } = command(path.join(plans, "changed.json"), "--drift");
    expect([status, stderr]).toEqual([1, "error: changed: what is deployed differs from the code\n"]);
  });

  it.each([
    [
      "none.json",
      undefined,
      /^error: none\.json cannot be read: ENOENT.*: write it by terraform show -json plan\.bin\n$/,
    ],
    ["text.json", "no json", /^error: text\.json cannot be read: .* is not valid JSON: write it by terraform/],
    // What `terraform show -json` tells of a state.
    [
      "state.json",
      '{"format_version":"1.0","values":{}}',
      /^error: state\.json is not the JSON of a plan: write it by/,
    ],
    ["null.json", "null", /^error: null\.json is not the JSON of a plan: write it by/],
    [
      "odd.json",
      '{"format_version":"1.2","planned_values":{},"resource_changes":[{}]}',
      /^error: odd\.json is not the JSON of a plan: write it by terraform show -json plan\.bin: [^\n]*\n$/,
    ],
    [
      "later.json",
      '{"format_version":"2.0","planned_values":{}}',
      /^error: later\.json has the format 2\.0 of plans, and this version reads 1: take a newer version of this package\n$/,
    ],
  ])("refuses %s in one line", (file, text, message) => {
    if (text !== undefined) writeFileSync(path.join(folder, file), text);
    const { status, stderr } = command(file);
    expect([status, stderr]).toEqual([1, expect.stringMatching(message)]);
  });

  it("refuses a file that it cannot write, in one line", () => {
    const { status, stderr } = command(path.join(plans, "changed.json"), "--output", "none/comment.md");
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/^error: --output none\/comment\.md cannot be written: ENOENT[^\n]*\n$/),
    ]);
  });

  it("refuses a command that it does not understand, with exit code 2", () => {
    expect(command().stderr).toMatch(/^error: no plan is named\n\nUsage: xray-plan/);
    expect(command().status).toBe(2);
    expect(command(replaced, "--migrations", migrations).stderr).toMatch(
      /^error: --migrations and --base-migrations go together\n/,
    );
    expect(command(replaced, "--force").status).toBe(2);
    expect(command("--help")).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^Usage: xray-plan/) as string,
    });
  });
});

describe("migrations that a pull request adds", () => {
  const nothing = path.join(folder, "prod-data-lake.json");
  writeFileSync(nothing, '{"format_version":"1.2","planned_values":{},"resource_changes":[]}');

  /** Copy of the package's migrations with another one; it is locked. */
  function withMigration(name: string, sql: string): string {
    const copy = path.join(folder, name);
    cpSync(migrations, copy, { recursive: true });
    writeFileSync(path.join(copy, `V0003__${name}.sql`), sql);
    const cli = path.join(root, "dist", "schema", "cli.js");
    expect(spawnSync(process.execPath, [cli, "lock", "--folder", copy], { encoding: "utf8" }).stderr).toBe("");
    return copy;
  }
  const compare = (head: string, base: string) => command(nothing, "--migrations", head, "--base-migrations", base);

  it("are shown with their statements; an additive one is no fault", () => {
    const head = withMigration(
      "add_reader",
      "-- Who read the image.\nALTER TABLE image ADD COLUMN reader VARCHAR(60) NULL INVISIBLE;\n",
    );
    const { status, stdout, stderr } = compare(head, migrations);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toContain(
      "### Migrations: 1 statement, 0 destructive\n\n`V0003__add_reader.sql`: 🟢 additive\n\n```sql\nALTER TABLE image ADD",
    );
    expect(stdout).toContain("## Plan: 1 statement for the database\n");
    expect(stdout).not.toContain("V0001");
  });

  it("say which are destructive, first and with the reason that the migration gives", () => {
    const sql = "CREATE TABLE reader (id INT PRIMARY KEY);\n-- allow: destructive (moved `to` S3)\nDROP TABLE old;\n";
    const { status, stdout } = compare(withMigration("drop_old", sql), migrations);
    expect(status).toBe(0);
    expect(stdout).toContain(
      "### Migrations: 2 statements, 1 destructive\n\n`V0003__drop_old.sql`: 🔴 **destructive**: ``moved `to` S3``",
    );
  });

  it("are all new where the base has no folder", () => {
    expect(compare(migrations, path.join(folder, "nowhere")).stdout).toContain(
      "### Migrations: 4 statements, 0 destructive",
    );
  });

  it("are a fault where one of the base is edited or gone, and where one cannot be read", () => {
    const edited = path.join(folder, "edited");
    cpSync(withMigration("edit_me", "CREATE TABLE a (id INT PRIMARY KEY);"), edited, { recursive: true });
    const base = path.join(folder, "edit_me");
    writeFileSync(path.join(edited, "V0003__edit_me.sql"), "CREATE TABLE b (id INT PRIMARY KEY);");
    rmSync(path.join(edited, "migrations.lock.json"));
    const cli = path.join(root, "dist", "schema", "cli.js");
    spawnSync(process.execPath, [cli, "lock", "--folder", edited]);
    const add = "the database has applied it; add a new migration instead";
    expect(compare(edited, base)).toMatchObject({
      status: 1,
      stderr: `error: V0003__edit_me.sql has other statements than in the base: ${add}\n`,
      stdout: expect.stringContaining("> [!CAUTION]") as string,
    });
    expect(compare(migrations, base)).toMatchObject({
      status: 1,
      stderr: `error: V0003__edit_me.sql is gone: ${add}\n`,
    });
    writeFileSync(path.join(edited, "V0004__bad.sql"), "GRANT ALL ON *.* TO mallory;");
    expect(compare(edited, base)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("V0004__bad.sql:1: GRANT") as string,
    });
  });

  it.each([
    ["", 0, "## Plan: no changes"],
    ["sql/migrations", 1, "sql/migrations: the folder of migrations cannot be read"],
  ])("are looked for by the workflow where it names their folder: %j", (MIGRATIONS, status, text) => {
    const work = path.join(folder, "without-migrations");
    const bin = path.join(work, "node_modules", ".bin");
    mkdirSync(bin, { recursive: true });
    cpSync(nothing, path.join(work, "plans", "prod-data-lake.json"));
    const cli = path.join(root, "dist", "plan", "cli.js");
    writeFileSync(path.join(bin, "xray-plan"), `#!/bin/sh\nexec node ${cli} "$@"\n`, { mode: 0o755 });
    // As a repository might have them: nobody's migrations of the base.
    cpSync(migrations, path.join(work, "base", "sql", "migrations"), { recursive: true });
    const git = (...args: string[]) => spawnSync("git", args, { cwd: work });
    git("init", "--quiet");
    const author = ["-c", "user.name=Anna", "-c", "user.email=anna@example.org"];
    git(...author, "commit", "--quiet", "--allow-empty", "--message", "base");
    const env = { ...process.env, MIGRATIONS, BASE: "HEAD", ALLOW_DESTROY: '\nprod-data-lake:aws_x.a["b c"]\n' };
    const run = spawnSync("bash", ["-ec", stepOf("Write the comment")], { cwd: work, env, encoding: "utf8" });
    expect(run.status).toBe(status);
    const written = readFileSync(path.join(work, "comment.md"), "utf8");
    expect(written).toContain(text);
    expect(written).toContain('--allow-destroy `prod-data-lake:aws_x.a["b c"]` allows nothing here');
    expect(existsSync(path.join(work, "base", "sql"))).toBe(MIGRATIONS === "");
    const lost = { ...env, MIGRATIONS: "sql/migrations", BASE: "nowhere" };
    const { status: code, stderr } = spawnSync("bash", ["-ec", stepOf("Write the comment")], {
      cwd: work,
      env: lost,
      encoding: "utf8",
    });
    expect([code, stderr]).toEqual([128, expect.stringContaining("nowhere")]);
  });
});
