import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { compare } from "semver";
import { type Emulator, startEmulator } from "../../local/servers/aws/emulator";
import { repositoryRoot } from "../../local/tools/paths";
import { isOpenTofu } from "../../local/tools/terraform-binary";
import { DataLakeStack } from "../../src/stacks/data-lake-stack";
import { environments } from "../../src/stacks/environments";
import { StackFolder } from "./support/stack-folder";

jest.setTimeout(3 * 60_000);

const kept = path.join(repositoryRoot, "__tests__", "releases");
const [oldest = ""] = readdirSync(kept).sort(compare);

/** OpenTofu takes a new resource in `replace_triggered_by` for a change: docs/compatibility.md says so. */
const PASSWORDS = ["app", "backup", "purge", "restore"].map(
  (user) => `aws_secretsmanager_secret_version.Database_xray_${user}-secret_Version`,
);

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator();
});
afterAll(() => emulator.stop());

test(`an update of prod from ${oldest} destroys and replaces nothing that holds data`, async () => {
  const folder = new StackFolder("releases", emulator.url);
  folder.useState(readFileSync(path.join(kept, oldest, "prod-data-lake.tfstate"), "utf8"));
  await folder.synthesize((app) => {
    const prod = environments({}).find(({ name }) => name === "prod");
    if (prod !== undefined) new DataLakeStack(app, prod);
  });
  // The state is all that is left of that release's resources: without a refresh, Terraform takes it for what is there.
  const changes = await folder.plannedChanges("-refresh=false");
  const planned = (action: string): string[] =>
    changes
      .filter((change) => change.action === action)
      .map(({ resource }) => resource.addr.replace(/_[0-9A-F]{8}$/, ""))
      .sort();
  expect(planned("delete")).toEqual([
    "aws_cloudwatch_event_rule.Alarms_BackupSucceeded",
    "aws_s3_object.Backup_CaBundle",
    "aws_s3_object.Restore_CaBundle",
  ]);
  // The jobs' code, under a key that has its hash.
  expect(planned("replace")).toEqual([
    "aws_s3_object.Backup_Package",
    "aws_s3_object.Backup_Script",
    "aws_s3_object.Restore_Package",
    "aws_s3_object.Restore_Script",
    ...(isOpenTofu() ? PASSWORDS : []),
  ]);
  expect(planned("update")).toContain("aws_db_instance.Database");
  expect(planned("create")).not.toEqual([]);
  console.log(
    `${oldest}: ${planned("create").length} to add, ${planned("update").length} to change, ${planned("delete").length} to destroy, ${planned("replace").length} to replace`,
  );
});
