import { execFileSync } from "node:child_process";
import * as path from "node:path";

const root = path.join(__dirname, "..", "..");

/** The files that a process loads by an expression, relative to the repository. */
function loadedBy(expression: string): string[] {
  const script = `void (${expression}); console.log(JSON.stringify(Object.keys(require.cache)))`;
  const files = JSON.parse(execFileSync(process.execPath, ["-e", script], { cwd: root, encoding: "utf8" })) as string[];
  return files.map((file) => path.relative(root, file).split(path.sep).join("/"));
}

const PACKAGE = 'require("./dist/index.js")';
const bindings = (files: string[]): string[] => files.filter((file) => file.includes("/@cdktf/provider-aws/"));

// Seconds and megabytes depend on the machine, and bench/load.ts measures them; modules do not.
test("the package alone loads one module, under 500", () => {
  expect(loadedBy(PACKAGE)).toEqual(["dist/index.js"]);
  expect(loadedBy('require("./dist/stacks/index.js")')).toEqual(["dist/stacks/index.js"]);
});

test("a construct loads what it uses, under 500 modules", () => {
  const files = loadedBy(`${PACKAGE}.DataLakeBucket`);
  expect(files.length).toBeGreaterThan(300); // cdktf alone
  expect(files.length).toBeLessThan(430);
  expect(bindings(files).filter((file) => !/\/(s3-|data-aws-)/.test(file))).toEqual([]);
});

test("all names together load no index of the AWS bindings, and few modules beside cdktf's own", () => {
  const files = loadedBy(`Object.values(${PACKAGE})`);
  expect(bindings(files).length).toBeGreaterThan(40);
  expect(files.filter((file) => /@cdktf\/provider-aws\/lib\/(lazy-)?index\.js$/.test(file))).toEqual([]);
  expect(files.length - loadedBy('require("cdktf")').length).toBeLessThan(170);
});

test.each(["./dist/index.js", "./dist/stacks/index.js"])("an ES module imports each name of %s", (index) => {
  const script = `import * as all from ${JSON.stringify(index)}; console.log(JSON.stringify(Object.entries(all).map(([name, value]) => [name, typeof value])))`;
  const names = (text: string): [string, string][] => JSON.parse(text) as [string, string][];
  const run = (...args: string[]): string => execFileSync(process.execPath, args, { cwd: root, encoding: "utf8" });
  const own = names(run("--input-type=module", "-e", script)).filter(
    ([name]) => !["__esModule", "default", "module.exports"].includes(name),
  );
  const required = names(
    run(
      "-e",
      `console.log(JSON.stringify(Object.entries(require(${JSON.stringify(index)})).map(([n, v]) => [n, typeof v])))`,
    ),
  );
  expect(own.sort()).toEqual(required.sort());
  expect(own.length).toBeGreaterThan(3);
  expect(own.filter(([, type]) => type === "undefined")).toEqual([]);
});

test("checking migrations loads neither cdktf nor constructs", () => {
  const files = loadedBy('require("./dist/schema/migration.js")');
  expect(files.filter((file) => /node_modules\/(cdktf|constructs|@cdktf)\//.test(file))).toEqual([]);
});
