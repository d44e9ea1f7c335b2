import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

const app = path.join(__dirname, "..", "..", "dist", "main.js");

/** Runs the compiled app in a folder of its own. */
function runApp(variables: Record<string, string>) {
  const cwd = fs.mkdtempSync(path.join(os.tmpdir(), "app-"));
  try {
    const env = { PATH: process.env.PATH, CDKTF_OUTDIR: path.join(cwd, "cdktf.out"), ...variables };
    const { status, stderr, stdout } = spawnSync(process.execPath, [app], { cwd, env, encoding: "utf8" });
    const files = fs.readdirSync(cwd, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    return { status, stderr, stdout, written: files.map(({ name }) => name) };
  } finally {
    fs.rmSync(cwd, { recursive: true });
  }
}

it("writes the stacks of all environments and says nothing", () => {
  const { written, ...rest } = runApp({});
  expect(rest).toEqual({ status: 0, stderr: "", stdout: "" });
  expect(written.filter((name) => name === "cdk.tf.json")).toHaveLength(6);
});

it("needs no Terraform on the machine", () => {
  expect(runApp({ PATH: "" })).toMatchObject({ status: 0, stderr: "" });
});

it.each([
  [
    { MYSQL_ENDPOINT: "127.0.0.1:abc" },
    "local-data-lake: localEndpoints.mysql.port must be a whole number from 1 to 65535, got NaN",
  ],
  [{ ALARM_EMAIL: "nobody" }, 'prod-data-lake/Alarms: email must be an e-mail address, got "nobody"'],
  [
    { PROD_STATE_BUCKET: "State" },
    "prod-state-backend/Bucket: bucketName must be 3 to 63 lower-case letters, digits and hyphens that start and end " +
      'with a letter or digit and do not begin or end as AWS\'s own names do, got "State"',
  ],
])("with %j says in one line what is wrong, and writes nothing", (variables, message) => {
  expect(runApp(variables)).toEqual({ status: 1, stderr: `Error: ${message}\n`, stdout: "", written: [] });
});
