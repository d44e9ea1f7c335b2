import * as fs from "node:fs";
import * as path from "node:path";
import { createAccountRecord } from "../../../src/schema/accounts";
import { LEDGER_TABLE, createApplyProcedure, createGuard, markerOf } from "../../../src/schema/ledger";
import {
  isGlueArgument,
  provedSnapshotEvent,
  readJobContract,
  storeFolders,
} from "../../../src/modules/common/job-contract";
import { RunMode } from "../../../src/modules/backup/purge-glue-job";

const root = path.join(__dirname, "..", "..", "..");

function filesBelow(folder: string, suffix: string): string[] {
  return fs
    .readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(suffix))
    .map((file) => path.join(root, folder, file));
}

it("gives each job its script, the common arguments and its own", () => {
  const { script, arguments: own } = readJobContract("restore");
  expect(script).toBe("job_restore.py");
  expect(Object.keys(own)).toEqual([
    "store",
    "secret_id",
    "ssl_mode",
    "ssl_ca",
    "policies",
    "connections",
    "lock_ttl_seconds",
    "run_mode",
    "backups",
    "target_schema",
    "transaction_ids",
    "image_ids",
    "rows",
    "since",
    "until",
    "ignore_columns",
  ]);
  expect(own.store).toMatchObject({ required: true, fixed: true });
  expect(own.run_mode?.default).toBe("dry-run");
});

it("knows the ledger of the migrations, and what each deploy makes anew, by the names that these have", () => {
  const { migrations } = JSON.parse(
    fs.readFileSync(path.join(root, "glue", "xray_backup", "job_contract.json"), "utf8"),
  ) as { migrations: { ledger: string; remadePrefixes: string[] } };
  expect(migrations.ledger).toBe(LEDGER_TABLE);
  const deploy = [createGuard("x", true), createApplyProcedure("x"), createAccountRecord("x")].join("\n");
  const made = [...deploy.matchAll(/CREATE (?:PROCEDURE|TABLE IF NOT EXISTS) `x`\.(\w+)/g)].map(([, name]) => name);
  expect([...made, markerOf({ version: 1, statement: 1 }).slice(0, 10)].sort()).toEqual(migrations.remadePrefixes);
});

it("lets a job's default win over the common one, and keeps the rest of the argument", () => {
  const { run_mode, connections } = readJobContract("backup").arguments;
  expect(run_mode).toMatchObject({ default: "execute", choices: ["dry-run", "execute", "check"] });
  expect(connections).toMatchObject({ default: null, minimum: 1, maximum: 1000 });
  expect(run_mode?.choices).toEqual(expect.arrayContaining(Object.values(RunMode)));
});

it("fixes where a job reads, writes and logs in, and the least age", () => {
  for (const job of ["backup", "purge", "restore"] as const) {
    const fixed = Object.entries(readJobContract(job).arguments).filter(([, argument]) => argument.fixed);
    const age = job === "restore" ? [] : ["least_age_days"];
    const tables = job === "backup" ? ["tables"] : [];
    const everyJob = ["store", "secret_id", "ssl_mode", "ssl_ca", "policies"];
    expect(fixed.map(([name]) => name)).toEqual([...everyJob, ...tables, ...age]);
  }
});

it("is the one place that spells the event of a proved snapshot", () => {
  const { event } = provedSnapshotEvent();
  expect(event).toBe("snapshot_proved");
  const sources = [...filesBelow("src", ".ts"), ...filesBelow("glue/xray_backup", ".py")];
  const spelled = sources.filter((file) => new RegExp(`["'\`]${event}["'\`]`).test(fs.readFileSync(file, "utf8")));
  expect(spelled).toEqual([]);
});

it.each([
  ["JOB_NAME", true],
  ["enable-metrics", true],
  ["custom-logGroup-prefix", true],
  ["job-bookmark-option", true],
  ["job_bookmark_option", false],
  ["target-scheme", false],
  ["enabl", false],
])("tells that %s is Glue's own: %s", (name, is) => expect(isGlueArgument(name)).toBe(is));

it("is the one place that spells the store's folders", () => {
  expect(storeFolders("backup")).toMatchObject({
    root: "backup/v1",
    snapshot: "backup/v1/snapshot",
    manifests: "backup/v1/_manifests",
    checks: "backup/v1/_checks",
  });
  const spelled = /["'`/](v1|_(manifests|purges|locks|verifications|restores|reports|checks))(["'`/]|$)/m;
  const sources = [...filesBelow("src", ".ts"), ...filesBelow("glue/xray_backup", ".py")];
  expect(sources.length).toBeGreaterThan(80);
  expect(sources.filter((file) => spelled.test(fs.readFileSync(file, "utf8")))).toEqual([]);
});

it("names the folder that the DAG of Airflow looks for a manifest in", () => {
  const dag = fs.readFileSync(path.join(root, "airflow", "dags", "xray_backup.py"), "utf8");
  const folder = storeFolders("").manifests;
  expect(dag).toContain(`"{prefix}${folder}/snapshot-{day}.json"`);
});
