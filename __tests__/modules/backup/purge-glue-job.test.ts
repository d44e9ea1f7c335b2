import type { TerraformStack } from "cdktf";
import { DataLakeBucket } from "../../../src/modules/storage/data-lake-bucket";
import { DataLakeNetwork } from "../../../src/modules/network/data-lake-network";
import { MetadataDatabase } from "../../../src/modules/database/metadata-database";
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

describe("PurgeGlueJob", () => {
  const job = synthesize(purge({})).resource("aws_glue_job");

  it("is a dry run unless told otherwise, on workers that nobody takes away", () => {
    expect(job).toMatchObject({ name: "test-purge", execution_class: "STANDARD", max_retries: 0 });
    expect(job.default_arguments).toContain('"--run_mode" = "dry-run"');
    expect(job.default_arguments).toContain('"--older_than_days" = "90"');
    const executing = synthesize(purge({ mode: RunMode.EXECUTE })).resource("aws_glue_job");
    expect(executing.default_arguments).toContain('"--run_mode" = "execute"');
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
