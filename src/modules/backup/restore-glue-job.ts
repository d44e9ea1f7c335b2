import type { Construct } from "constructs";
import { checkProps } from "../common/checks";
import type { ArchivePolicyProps } from "../common/data-model";
import { storeFolders } from "../common/job-contract";
import { warnWithoutBackups } from "./backups-of-database";
import type { GlueDatabaseJobProps } from "./glue-database-job";
import { GlueDatabaseJob, storeAddress } from "./glue-database-job";
import { policyArguments } from "./job-policies";
import { RunMode } from "./purge-glue-job";

/** Properties of {@link RestoreGlueJob}. */
export interface RestoreGlueJobProps extends GlueDatabaseJobProps, Pick<ArchivePolicyProps, "dataModel" | "policies"> {
  /**
   * The MySQL user that writes the rows; it needs `SELECT` and `INSERT`, and more for a schema that it makes.
   * @default "xray_restore"
   */
  readonly databaseUser?: string;
}

/**
 * The restore: a Glue job that inserts what is missing from one or more backups, parents first, and reports a row that is
 * there with another content; it overwrites none. A run is told the backups and `--run_mode execute`; without that it
 * reports what it would do.
 *
 * @example
 * new RestoreGlueJob(this, "Restore", { bucket, database, network, encryptionKey: key });
 */
export class RestoreGlueJob extends GlueDatabaseJob {
  constructor(scope: Construct, id: string, props: RestoreGlueJobProps) {
    checkProps(scope, id, props);
    super(scope, id, props, {
      job: "restore",
      description: "Inserts metadata that is missing, from verified backups",
      username: props.databaseUser ?? "xray_restore",
      fixed: (job) => policyArguments(job, props),
      arguments: { "--backups": "latest", "--run_mode": RunMode.DRY_RUN },
    });
    const { bucket, backupBucket = bucket } = props;
    warnWithoutBackups(this, props.database, [storeAddress(backupBucket)]);
    const { root, locks, restores, checks } = storeFolders(backupBucket.backupPrefix);
    backupBucket.grantRead(this.role, root);
    for (const folder of [locks, restores, checks]) backupBucket.grantCreate(this.role, folder);
    // So that a run can tell a snapshot that has expired from one that is damaged.
    this.role.addToPolicy({ actions: ["s3:GetLifecycleConfiguration"], resources: [backupBucket.bucketArn] });
  }
}
