import type { TerraformStack } from "cdktf";
import { DataLakeBucket } from "../../../src/modules/storage/data-lake-bucket";
import { DataLakeNetwork } from "../../../src/modules/network/data-lake-network";
import { MetadataDatabase } from "../../../src/modules/database/metadata-database";
import { BackupGlueJob } from "../../../src/modules/backup/backup-glue-job";
import { MetadataSchema } from "../../../src/modules/database/metadata-schema";
import { SchemaUser } from "../../../src/modules/database/schema-user";
import { MysqlProvider } from "../../../src/providers/mysql/provider";
import type { PurgeGlueJobProps } from "../../../src/modules/backup/purge-glue-job";
import { PurgeGlueJob, RunMode } from "../../../src/modules/backup/purge-glue-job";
import { RestoreGlueJob } from "../../../src/modules/backup/restore-glue-job";
import { refusal, synthesize } from "../../support/synth";

function wiring(scope: TerraformStack) {
  const network = new DataLakeNetwork(scope, "Net");
  return {
    bucket: new DataLakeBucket(scope, "Lake"),
    database: new MetadataDatabase(scope, "Db", { network }),
    network,
  };
}
const purge = (props: Partial<PurgeGlueJobProps>) => (scope: TerraformStack) =>
  void new PurgeGlueJob(scope, "Purge", { olderThanDays: 90, ...wiring(scope), ...props });

describe("beside a backup of the same database", () => {
  const both =
    (archiveOlderThanDays: number | undefined, olderThanDays: number, purgeFirst: boolean) =>
    (scope: TerraformStack) => {
      const wires = wiring(scope);
      const jobs = [
        () => new BackupGlueJob(scope, "Backup", { ...wires, archiveOlderThanDays }),
        () => new PurgeGlueJob(scope, "Purge", { ...wires, olderThanDays }),
      ];
      for (const add of purgeFirst ? jobs.reverse() : jobs) add();
    };

  it.each([false, true])("refuses a purge that is younger than the archive (purge first: %s)", (purgeFirst) => {
    expect(refusal(both(90, 30, purgeFirst))).toBe(
      `test/${purgeFirst ? "Backup" : "Purge"}: olderThanDays of a purge must be at least archiveOlderThanDays of the backup (90), ` +
        "got 30: younger transactions are in no archive, and are not purged",
    );
    expect(() => synthesize(both(90, 90, purgeFirst))).not.toThrow();
    expect(() => synthesize(both(undefined, 30, purgeFirst))).not.toThrow();
  });

  it("refuses it also where the archive's age is an argument", () => {
    const build = (days: string) => (scope: TerraformStack) => {
      const wires = wiring(scope);
      new BackupGlueJob(scope, "Backup", { ...wires, arguments: { "--archive-older-than-days": days } });
      new PurgeGlueJob(scope, "Purge", { ...wires, olderThanDays: 30 });
    };
    expect(refusal(build("90"))).toMatch(/^test\/Purge: olderThanDays of a purge must be at least .* \(90\), got 30:/);
    expect(() => synthesize(build("30"))).not.toThrow();
  });

  it("warns of a job whose user no schema makes, where there is a schema", () => {
    const warnings = (users: (db: MetadataDatabase) => SchemaUser[], withSchema = true) =>
      synthesize((scope) => {
        const wires = wiring(scope);
        new BackupGlueJob(scope, "Backup", wires);
        new PurgeGlueJob(scope, "Purge", { ...wires, olderThanDays: 90 });
        if (!withSchema) return;
        new MysqlProvider(scope, "Mysql");
        new MetadataSchema(scope, "Schema", { users: users(wires.database) });
      }).warnings.filter((text) => text.includes("SchemaUser"));
    const backup = (db: MetadataDatabase) => SchemaUser.backup(db.addUser("xray_backup"));
    expect(warnings((db) => [backup(db)])).toEqual([
      'no MetadataSchema has a SchemaUser for "xray_purge", which this job logs in as: MySQL would refuse it',
    ]);
    expect(warnings((db) => [backup(db), SchemaUser.purge(db.addUser("xray_purge"))])).toEqual([]);
    expect(warnings(() => [])).toHaveLength(2);
    expect(warnings(() => [], false)).toEqual([]);
  });
});

describe("PurgeGlueJob", () => {
  const job = synthesize(purge({})).resource("aws_glue_job");

  it("is a dry run unless told otherwise, on workers that nobody takes away", () => {
    expect(job).toMatchObject({ name: "test-purge", execution_class: "STANDARD", max_retries: 0 });
    expect(job.default_arguments).toContain('"--run_mode" = "dry-run"');
    expect(job.default_arguments).toContain('"--older_than_days" = "90"');
    const executing = synthesize(purge({ mode: RunMode.EXECUTE })).resource("aws_glue_job");
    expect(executing.default_arguments).toContain('"--run_mode" = "execute"');
  });

  it("lets a run ask for a higher age and for no lower one", () => {
    expect(job.non_overridable_arguments).toContain('"--least_age_days" = "90"');
    const wires = (archiveOlderThanDays?: number) => (scope: TerraformStack) =>
      void new BackupGlueJob(scope, "Backup", { ...wiring(scope), archiveOlderThanDays });
    const fixed = (days?: number) => synthesize(wires(days)).resource("aws_glue_job").non_overridable_arguments;
    expect(fixed(60)).toContain('"--least_age_days" = "60"');
    expect(fixed()).not.toContain("least_age_days");
  });

  it("logs in as a user of its own", () => {
    expect(job.non_overridable_arguments).toContain("Db_xray_purge-secret_Version.secret_id");
  });

  it("is started by nobody", () => {
    expect(synthesize(purge({})).ids("aws_glue_trigger")).toEqual([]);
  });

  it.each<[Partial<PurgeGlueJobProps>, string]>([
    [{ olderThanDays: 1 }, "olderThanDays must be a whole number from 2 to 36500, got 1"],
    [{ mode: "delete" as RunMode }, 'mode must be one of dry-run, execute, got "delete"'],
  ])("refuses %j", (props, message) => expect(refusal(purge(props))).toBe(`test/Purge: ${message}`));
});

describe("RestoreGlueJob", () => {
  const stack = synthesize((scope) => void new RestoreGlueJob(scope, "Restore", wiring(scope)));

  it("is a dry run of the newest snapshot unless a run says otherwise, as a user of its own", () => {
    const job = stack.resource("aws_glue_job");
    expect(job.default_arguments).toContain('"--run_mode" = "dry-run"');
    expect(job.default_arguments).toContain('"--backups" = "latest"');
    expect(job.non_overridable_arguments).toContain("Db_xray_restore-secret_Version.secret_id");
  });
});
