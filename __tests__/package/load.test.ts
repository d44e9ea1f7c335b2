import { execFileSync } from "node:child_process";
import * as path from "node:path";

const root = path.join(__dirname, "..", "..");

/** The files that a process loads for a module, relative to the repository. */
function loadedBy(module: string): string[] {
  const script = `require(${JSON.stringify(module)}); console.log(JSON.stringify(Object.keys(require.cache)))`;
  const files = JSON.parse(execFileSync(process.execPath, ["-e", script], { cwd: root, encoding: "utf8" })) as string[];
  return files.map((file) => path.relative(root, file).split(path.sep).join("/"));
}

// Seconds and megabytes depend on the machine, and bench/load.ts measures them; modules do not.
test("the package loads under 515 modules, and of the AWS bindings only what it uses", () => {
  const files = loadedBy("./dist/index.js");
  expect(files.length).toBeGreaterThan(300); // cdktf alone
  expect(files.length).toBeLessThan(515);
  expect(files.filter((file) => /@cdktf\/provider-aws\/lib\/(lazy-)?index\.js$/.test(file))).toEqual([]);
});

test("a single construct loads less than all of them", () => {
  const bucket = loadedBy("./dist/modules/storage/data-lake-bucket.js");
  expect(bucket.length).toBeLessThan(loadedBy("./dist/index.js").length);
  expect(bucket.filter((file) => /provider-aws\/lib\/(db|glue)-/.test(file))).toEqual([]);
});

test("checking migrations loads neither cdktf nor constructs", () => {
  const files = loadedBy("./dist/schema/migration.js");
  expect(files.filter((file) => /node_modules\/(cdktf|constructs|@cdktf)\//.test(file))).toEqual([]);
});
