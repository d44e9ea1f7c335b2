import type { Construct } from "constructs";
import { Fn } from "cdktf";
import { checkConstruct, checkList, checkProps } from "../common/checks";
import { type ArchivePolicyProps, dataModelOf, tableNames } from "../common/data-model";
import { terraformLiteral } from "../common/expression";
import { storeFolders } from "../common/job-contract";
import { warnWithoutBackups } from "./backups-of-database";
import { ValidationError } from "../common/validation-error";
import type { IBackupBucket } from "../storage/bucket-base";
import { checkBucketRegion } from "./bucket-region";
import type { GlueDatabaseJobProps } from "./glue-database-job";
import { GlueDatabaseJob, storeAddress } from "./glue-database-job";
import { policyArguments } from "./job-policies";
import { RunMode } from "./purge-glue-job";

/** Properties of {@link EraseGlueJob}. */
export interface EraseGlueJobProps
  extends Omit<GlueDatabaseJobProps, "executionClass">, Pick<ArchivePolicyProps, "dataModel" | "policies"> {
  /**
   * Lets a run that is started with `--bypass_governance_retention yes` delete versions that Object Lock keeps in governance
   * mode. Nothing deletes one in compliance mode before its date.
   * @default false
   */
  readonly bypassGovernanceRetention?: boolean;
  /**
   * The MySQL user that deletes the rows, with the rights of `SchemaUser.erase`.
   * @default "xray_erase"
   */
  readonly databaseUser?: string;
  /**
   * Buckets that hold earlier backups, as the data lake's own since the backups moved to `backupBucket`. A run erases there,
   * too.
   * @default - none
   */
  readonly formerBackupBuckets?: IBackupBucket[];
  /**
   * The object of each row of one table, as `table=s3://bucket/key` with the table's columns in braces; or `none`. The role
   * deletes objects below the bucket's `imagesPrefix` only.
   * @default "image=s3://{bucket}/{folder}/{image_file}"; "none" with a data model of your own
   */
  readonly objects?: string;
}

/**
 * The erasure: a Glue job that deletes chosen rows for good, with all that belongs to them, in the database, in every backup
 * and in the bucket, with all versions. Only its role may delete a version. Nothing starts it, and a run is told the rows and
 * `--run_mode execute`; without that it reports what it would do.
 *
 * @example
 * new EraseGlueJob(this, "Erase", { bucket, database, network, encryptionKey: key });
 */
export class EraseGlueJob extends GlueDatabaseJob {
  constructor(scope: Construct, id: string, props: EraseGlueJobProps) {
    checkProps(scope, id, props);
    super(scope, id, props, {
      job: "erase",
      description: "Erases chosen rows and their objects, in the backups too",
      username: props.databaseUser ?? "xray_erase",
      fixed: (job) => ({
        ...policyArguments(job, props),
        ...objectArguments(job, props),
        ...databaseArguments(props),
        ...formerStoreArguments(job, props),
      }),
      arguments: { "--run_mode": RunMode.DRY_RUN },
    });
    const { bucket, backupBucket = bucket, formerBackupBuckets = [], bypassGovernanceRetention } = props;
    const stores = [backupBucket, ...formerBackupBuckets];
    warnWithoutBackups(this, props.database, stores.map(storeAddress));
    for (const store of stores) {
      const { root } = storeFolders(store.backupPrefix);
      store.grantErase(this.role, { prefix: root, bypassGovernanceRetention });
      // Hides a version that a lock keeps.
      store.grantDelete(this.role, root);
      // So that a run can tell a snapshot that has expired from one that is damaged.
      this.role.addToPolicy({ actions: ["s3:GetLifecycleConfiguration"], resources: [store.bucketArn] });
    }
    // Names alone. An object of which a locked version was left is found again by the digest of its name.
    this.role.addToPolicy({ actions: ["s3:ListBucketVersions"], resources: [bucket.bucketArn] });
    this.role.addToPolicy({
      actions: [
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "s3:GetObjectLegalHold",
        "s3:GetObjectRetention",
        "s3:GetObjectVersion",
        ...(bypassGovernanceRetention === true ? ["s3:BypassGovernanceRetention"] : []),
      ],
      resources: [Fn.join("/", [bucket.bucketArn, terraformLiteral(bucket.imagesPrefix), "*"])],
    });
  }
}

/** How long the server's own backups hold an erased row, which a run says. Left out, it counts as RDS's longest time. */
function databaseArguments({ database }: EraseGlueJobProps): Record<string, string> {
  const { backupRetentionDays: days } = database;
  return days === undefined ? {} : { database_backup_days: String(days) };
}

function formerStoreArguments(job: Construct, props: EraseGlueJobProps): Record<string, string> {
  const { bucket, backupBucket = bucket, formerBackupBuckets = [] } = props;
  checkList(job, "formerBackupBuckets", formerBackupBuckets);
  for (const store of formerBackupBuckets) {
    checkConstruct(job, "formerBackupBuckets", store, "backupPrefix", "a list of buckets with a backupPrefix");
    checkBucketRegion(job, props.network, "formerBackupBuckets", store);
  }
  const [own, ...former] = [backupBucket, ...formerBackupBuckets].map(storeAddress);
  const twice = former.find((store, index) => store === own || former.indexOf(store) !== index);
  if (twice !== undefined) {
    throw new ValidationError(
      job,
      `formerBackupBuckets must be other buckets than backupBucket, each once, got ${twice} again`,
    );
  }
  return former.length === 0 ? {} : { former_stores: former.join(",") };
}

function objectArguments(job: Construct, props: EraseGlueJobProps): Record<string, string> {
  const { objects } = props;
  const model = dataModelOf(job, props);
  if (objects === undefined) return model.isXray ? {} : { objects: "none" };
  if (objects === "none") return { objects };
  const [, tableName = "", address = ""] = /^([^=]+)=(s3:\/\/[^/]+\/.*\{[^{}]+\}.*)$/.exec(objects) ?? [];
  if (address === "") {
    throw new ValidationError(
      job,
      `objects must be "none" or table=s3://bucket/key with columns in braces, such as "slide=s3://lake/{object_key}", got ${JSON.stringify(objects)}`,
    );
  }
  const table = model.table(tableName);
  if (table === undefined) {
    throw new ValidationError(job, `objects: the data model has no table "${tableName}"; it has ${tableNames(model)}`);
  }
  const columns = table.columns.map(({ name }) => name);
  const unknown = [...address.matchAll(/\{([^{}]+)\}/g)]
    .map(([, name = ""]) => name)
    .find((name) => !columns.includes(name));
  if (unknown !== undefined) {
    throw new ValidationError(
      job,
      `objects: the table "${tableName}" has no column "${unknown}"; it has ${columns.join(", ")}`,
    );
  }
  return { objects };
}
