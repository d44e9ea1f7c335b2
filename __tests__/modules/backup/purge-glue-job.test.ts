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
import { registryWith, slideRegistry } from "../../support/slide-registry";
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
        "got 30: younger rows of transaction are in no archive, and are not purged",
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

  it("is started by nobody, and on demand in either mode", () => {
    const stack = synthesize(purge({}));
    const triggers = stack.ids("aws_glue_trigger").map((id) => stack.resource("aws_glue_trigger", id));
    expect(triggers).toEqual(
      ["dry-run", "execute"].map((mode) => ({
        name: `\${aws_glue_job.Purge.name}-${mode}`,
        description: "test/Purge",
        type: "ON_DEMAND",
        enabled: false,
        actions: [{ arguments: `\${tomap({"--run_mode" = "${mode}"})}`, job_name: "${aws_glue_job.Purge.name}" }],
      })),
    );
  });

  it.each<[Partial<PurgeGlueJobProps>, string]>([
    [{ olderThanDays: 1 }, "olderThanDays must be a whole number from 2 to 36500, got 1"],
    [{ mode: "delete" as RunMode }, 'mode must be one of dry-run, execute, got "delete"'],
  ])("refuses %j", (props, message) => expect(refusal(purge(props))).toBe(`test/Purge: ${message}`));
});

describe("with a data model of one's own", () => {
  const slides = { anchorTable: "slide", timeColumn: "scanned_at" };
  const own = { dataModel: slideRegistry, policies: [slides], keptTables: ["tissue", "specimen"] };
  const fixed = (props: Partial<PurgeGlueJobProps>) =>
    synthesize(purge(props)).resource("aws_glue_job").non_overridable_arguments;

  it("tells the job each table that goes with the anchor, and the ages", () => {
    expect(fixed(own)).toContain('"--policies" = "slide.scanned_at+annotation+review"');
    expect(fixed({ ...own, policies: [{ ...slides, olderThanDays: 365 }] })).toContain(
      '"--policies" = "slide.scanned_at+annotation+review=365"',
    );
    expect(fixed({})).toContain('"--policies" = "transaction.time+pred_bounding_box"');
    expect(fixed({ policies: [{ anchorTable: "transaction", timeColumn: "time" }] })).toContain(
      '"--policies" = "transaction.time+pred_bounding_box"',
    );
  });

  it("tells a restore whose rows it can select", () => {
    const restore = synthesize((scope) => {
      new RestoreGlueJob(scope, "Restore", { ...wiring(scope), dataModel: slideRegistry, policies: [slides] });
    });
    expect(restore.resource("aws_glue_job").non_overridable_arguments).toContain(
      '"slide.scanned_at+annotation+review"',
    );
  });

  it("warns of rows without a time", () => {
    expect(synthesize(purge(own)).warnings).toEqual([
      "policy slide.scanned_at: the column may hold NULL, and rows without a time are never archived or purged",
    ]);
    const columns = slideRegistry.table("slide")?.columns.map((column) => ({ ...column, nullable: false })) ?? [];
    expect(synthesize(purge({ ...own, dataModel: registryWith("slide", () => ({ columns })) })).warnings).toEqual([]);
  });

  it.each<[string, Partial<PurgeGlueJobProps>, string]>([
    [
      "a policy of other tables",
      { policies: [slides] },
      'policy slide.scanned_at: the data model has no table "slide"; it has image, transaction, pred_bounding_box',
    ],
    [
      "no policy",
      { dataModel: slideRegistry },
      "olderThanDays goes with policies, got none: name the tables and their time columns",
    ],
    [
      "a data model that is a file's name",
      { dataModel: "data-model.json" as never },
      'dataModel must be a data model, as DataModel.fromFile(…) gives it, got "data-model.json"',
    ],
    [
      "policies that are no list",
      { policies: "slide.scanned_at" as never },
      'policies must be a list that is known at synth, got "slide.scanned_at"',
    ],
    [
      "a kept table that a policy reaches",
      { ...own, keptTables: ["annotation"] },
      "policy slide.scanned_at reaches table annotation, which keptTables says must stay",
    ],
    [
      "a kept table that is not there",
      { ...own, keptTables: ["tissues"] },
      'keptTables: the data model has no table "tissues"; it has tissue, specimen, slide, annotation, review',
    ],
    [
      "an age below the job's",
      { ...own, policies: [{ ...slides, olderThanDays: 30 }] },
      "olderThanDays of policy slide.scanned_at must be at least olderThanDays (90), which no row goes below, got 30",
    ],
    [
      "an age out of range",
      { ...own, policies: [{ ...slides, olderThanDays: 0.5 }] },
      "olderThanDays of policy slide.scanned_at must be a whole number from 2 to 36500, got 0.5",
    ],
    [
      "a name that the argument cannot hold",
      { dataModel: registryWith("review", () => ({ name: "re+view" })), policies: [slides] },
      'policy slide.scanned_at: the job cannot be told "re+view", as its argument takes no . , = + or ` in a name',
    ],
  ])("refuses %s", (_, props, message) => expect(refusal(purge(props))).toBe(`test/Purge: ${message}`));

  it("holds each policy's age against the archive's", () => {
    const both = (archived: number, purged: number) => (scope: TerraformStack) => {
      const wires = { ...wiring(scope), dataModel: slideRegistry };
      new BackupGlueJob(scope, "Backup", { ...wires, policies: [{ ...slides, olderThanDays: archived }] });
      new PurgeGlueJob(scope, "Purge", {
        ...wires,
        olderThanDays: 2,
        policies: [{ ...slides, olderThanDays: purged }],
      });
    };
    expect(refusal(both(90, 60))).toBe(
      "test/Purge: olderThanDays of a purge must be at least archiveOlderThanDays of the backup (90), got 60: younger " +
        "rows of slide are in no archive, and are not purged",
    );
    expect(() => synthesize(both(90, 90))).not.toThrow();
  });
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
