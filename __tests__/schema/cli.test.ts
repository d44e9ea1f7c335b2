import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { folderWith } from "./support";

const root = path.join(__dirname, "..", "..");
const build = path.join(root, ".local", "cli-test");

beforeAll(() => {
  const tsc = path.join(root, "node_modules", "typescript", "bin", "tsc");
  const source = path.join(root, "src", "schema", "cli.ts");
  const options =
    "--module CommonJS --moduleResolution Node10 --target ES2022 --types node --strict --skipLibCheck --esModuleInterop";
  const result = spawnSync(process.execPath, [tsc, source, ...options.split(" "), "--outDir", build], {
    encoding: "utf8",
    cwd: root,
  });
  expect(result.stdout).toBe("");
}, 120_000);

jest.setTimeout(60_000);

const run = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(build, "cli.js"), ...args], {
    encoding: "utf8",
    cwd: root,
  });
  return { status, stdout, stderr };
};

test("check shows the package's migrations", () => {
  expect(run("check")).toEqual({
    status: 0,
    stderr: "",
    stdout: [
      "migration                          statements  sha256",
      "V0001__create_x_ray_tables.sql     3           5caa2fb12982",
      "V0002__create_detections_view.sql  1           28bfb58ac366",
      "",
    ].join("\n"),
  });
});

test("new, write, lock, check", () => {
  const folder = folderWith({});
  const created = run("new", "make_a", "--folder", folder);
  const file = path.join(folder, "V0001__make_a.sql");
  const lock = `npx xray-schema lock --folder ${folder}`;
  expect(created).toMatchObject({ status: 0, stdout: `${file}\nwrite its statements, then: ${lock}\n` });
  writeFileSync(file, `${readFileSync(file, "utf8")}-- allow: destructive (an example)\nDROP TABLE a;\n`);
  expect(run("check", "--folder", folder)).toMatchObject({
    status: 1,
    stderr: `error: V0001__make_a.sql: is not in migrations.lock.json: run "${lock}" and commit both\n`,
  });
  const locked = run("lock", "--folder", folder);
  expect(locked.stdout).toContain("destructive: an example");
  expect(locked.stdout).toContain("locked: V0001__make_a.sql");
  expect(run("lock", "--folder", folder).stdout).toContain("locked: nothing new");
  expect(run("check", "--folder", folder)).toMatchObject({ status: 0 });
});

test("new makes its folder, and a misspelt folder is still an error of check", () => {
  const folder = path.join(folderWith({}), "db", "migrations");
  const file = path.join(folder, "V0001__make_a.sql");
  expect(run("check", "--folder", folder)).toMatchObject({ status: 1 });
  expect(run("new", "make_a", "--folder", folder)).toMatchObject({ status: 0, stderr: "" });
  expect(readFileSync(file, "utf8")).toBe("-- Why:\n\n");
});

test.each([
  [
    ["new", "Not-A-Name"],
    1,
    "error: Not-A-Name: a migration's name is lower-case letters, digits and underscores, at most 60\n",
  ],
  [
    ["check", "--folder", "/nowhere"],
    1,
    "error: /nowhere: the folder of migrations cannot be read (ENOENT): npx xray-schema new makes one\n",
  ],
])("%j fails in one line", (args, status, stderr) => {
  expect(run(...args)).toEqual({ status, stdout: "", stderr });
});

test("the folder that a command takes by itself is not named", () => {
  const cwd = folderWith({});
  const { stdout } = spawnSync(process.execPath, [path.join(build, "cli.js"), "new", "make_a"], {
    encoding: "utf8",
    cwd,
  });
  expect(stdout).toBe("sql/migrations/V0001__make_a.sql\nwrite its statements, then: npx xray-schema lock\n");
});

test("a missing command is named", () => {
  expect(run().stderr).toMatch(/^error: no command\n/);
});

test.each([[[]], [["drop"]], [["new"]], [["check", "x"]], [["lock", "--force"]]])("%j shows the usage", (args) => {
  const result = run(...args);
  expect(result.status).toBe(2);
  expect(result.stderr).toMatch(/^error: .*\n\nUsage: xray-schema <command>/);
});

test.each([
  [["model"], "model needs --user and --database"],
  [["model", "--user", "u"], "model needs --user and --database"],
  [["model", "--password", "p"], "Unknown option '--password'"],
  [["check", "--database", "d"], "Unknown option '--database'"],
])("%j shows the usage", (args, problem) => {
  const { status, stderr } = run(...args);
  expect([status, stderr.split("\n")[0]]).toEqual([2, expect.stringContaining(`error: ${problem}`)]);
});

test("model tells what to install where the driver is not", () => {
  const folder = folderWith({});
  cpSync(build, folder, { recursive: true });
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [path.join(folder, "cli.js"), "model", "--user", "u", "--database", "d"],
    { encoding: "utf8", cwd: folder, env: { ...process.env, MYSQL_PWD: "p" } },
  );
  expect({ status, stdout, stderr }).toEqual({
    status: 1,
    stdout: "",
    stderr: "error: model: the driver mysql2 is not installed: npm install --save-dev mysql2\n",
  });
});

test("model asks for the password at a terminal, and does not show it", async () => {
  const command = `${process.execPath} ${path.join(build, "cli.js")} model --user u --database d --port 1`;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== "MYSQL_PWD"));
  // `script` gives the command a terminal.
  const child = spawn("script", ["-qec", command, "/dev/null"], { cwd: root, env });
  let seen = "";
  child.stdout.on("data", (data: Buffer) => {
    if (seen === "") child.stdin.write("not-to-be-seen\n");
    seen += data.toString();
  });
  const [code] = (await once(child, "close")) as [number];
  expect({ code, lines: seen.split(/[\r\n]+/) }).toEqual({
    code: 1,
    lines: ["Password of u at 127.0.0.1: ", "error: 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1", ""],
  });
});

test("the published command is what package.json says", () => {
  const { bin } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { bin: Record<string, string> };
  expect(bin["xray-schema"]).toBe("dist/schema/cli.js");
  expect(existsSync(path.join(root, "src", "schema", "cli.ts"))).toBe(true);
});
