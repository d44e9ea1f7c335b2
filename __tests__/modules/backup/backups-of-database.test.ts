import type { TerraformStack } from "cdktf";
import { BackupGlueJob, type BackupGlueJobProps } from "../../../src/modules/backup/backup-glue-job";
import { EraseGlueJob } from "../../../src/modules/backup/erase-glue-job";
import { PurgeGlueJob } from "../../../src/modules/backup/purge-glue-job";
import { RestoreGlueJob } from "../../../src/modules/backup/restore-glue-job";
import { MetadataDatabase } from "../../../src/modules/database/metadata-database";
import { DataLakeNetwork } from "../../../src/modules/network/data-lake-network";
import { BackupBucket } from "../../../src/modules/storage/backup-bucket";
import { DataLakeBucket } from "../../../src/modules/storage/data-lake-bucket";
import { slideRegistry } from "../../support/slide-registry";
import { synthesize } from "../../support/synth";

const OTHER_STORE =
  "backupBucket: no BackupGlueJob of this database writes where this job looks for backups: give both the same";
const noArchive = (policy: string) =>
  `no BackupGlueJob of this database archives by the policy ${policy}, and a purge deletes archived rows only: ` +
  "give it archiveOlderThanDays and the same policies";

function wiring(scope: TerraformStack) {
  const network = new DataLakeNetwork(scope, "Network");
  const bucket = new DataLakeBucket(scope, "Bucket");
  return { network, bucket, database: new MetadataDatabase(scope, "Database", { network }) };
}
type Wiring = ReturnType<typeof wiring> & Pick<BackupGlueJobProps, "backupBucket">;

const warnings = (build: (scope: TerraformStack, wires: Wiring) => void) =>
  synthesize((scope) => build(scope, wiring(scope))).warnings.filter((text) => text.includes("BackupGlueJob"));

const JOBS: [string, (scope: TerraformStack, wires: Wiring) => void][] = [
  ["purge", (scope, wires) => void new PurgeGlueJob(scope, "Job", { ...wires, olderThanDays: 90 })],
  ["restore", (scope, wires) => void new RestoreGlueJob(scope, "Job", wires)],
  ["erase", (scope, wires) => void new EraseGlueJob(scope, "Job", wires)],
];

describe.each(JOBS)("a job to %s", (_, addJob) => {
  it("that looks in another bucket than the backup's warns, in any order", () => {
    const backup = (scope: TerraformStack, wires: Wiring) =>
      void new BackupGlueJob(scope, "Backup", {
        ...wires,
        backupBucket: new BackupBucket(scope, "Backups"),
        archiveOlderThanDays: 90,
      });
    const orders = [
      [backup, addJob],
      [addJob, backup],
    ];
    for (const order of orders) {
      expect(warnings((scope, wires) => order.forEach((add) => add(scope, wires)))).toEqual([OTHER_STORE]);
    }
  });

  it("that looks in the same one, or whose backup is not in the app, does not warn", () => {
    const together = warnings((scope, wires) => {
      const wired = { ...wires, backupBucket: new BackupBucket(scope, "Backups") };
      new BackupGlueJob(scope, "Backup", { ...wired, archiveOlderThanDays: 90 });
      addJob(scope, wired);
    });
    expect(together).toEqual([]);
    expect(warnings(addJob)).toEqual([]);
  });

  it("does not compare a name with a reference", () => {
    const mixed = warnings((scope, wires) => {
      const backupBucket = DataLakeBucket.fromBucketName(scope, "Backups", "backups-of-the-lake");
      new BackupGlueJob(scope, "Backup", { ...wires, backupBucket, archiveOlderThanDays: 90 });
      addJob(scope, wires);
    });
    expect(mixed).toEqual([]);
  });
});

it("an erasure that reaches the backup's bucket as a former one does not warn", () => {
  const former = warnings((scope, wires) => {
    new BackupGlueJob(scope, "Backup", wires);
    const backupBucket = new BackupBucket(scope, "Backups");
    new EraseGlueJob(scope, "Erase", { ...wires, backupBucket, formerBackupBuckets: [wires.bucket] });
  });
  expect(former).toEqual([]);
});

describe("a purge", () => {
  const dataModel = slideRegistry;
  const policies = [{ anchorTable: "slide", timeColumn: "scanned_at" }];

  it.each<[string, Partial<BackupGlueJobProps>, string[]]>([
    ["archives nothing", {}, ["transaction.time"]],
    ["archives by the policy", { archiveOlderThanDays: 90 }, []],
    ["archives by an argument", { arguments: { "--archive-older-than-days": "90" } }, []],
    ["archives other tables", { dataModel, policies, archiveOlderThanDays: 90 }, ["transaction.time"]],
  ])("beside a backup that %s", (_, props, missing) => {
    const found = warnings((scope, wires) => {
      new PurgeGlueJob(scope, "Purge", { ...wires, olderThanDays: 90 });
      new BackupGlueJob(scope, "Backup", { ...wires, ...props });
    });
    expect(found).toEqual(missing.map(noArchive));
  });

  it("is content with one of several backups", () => {
    const found = warnings((scope, wires) => {
      new BackupGlueJob(scope, "Daily", wires);
      new BackupGlueJob(scope, "Weekly", { ...wires, archiveOlderThanDays: 90 });
      new PurgeGlueJob(scope, "Purge", { ...wires, olderThanDays: 90 });
    });
    expect(found).toEqual([]);
  });
});
