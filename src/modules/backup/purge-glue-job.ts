import type { Construct } from "constructs";
import type { GlueTrigger } from "@cdktf/provider-aws/lib/glue-trigger";
import { ValidationError } from "../common/validation-error";
import { type ArchivePolicyProps, nameOf } from "../common/data-model";
import { checkList, checkOneOf, checkProps } from "../common/checks";
import type { IGrantee } from "../common/grantee";
import { storeFolders } from "../common/job-contract";
import { warnWithoutBackups } from "./backups-of-database";
import type { GlueDatabaseJobProps } from "./glue-database-job";
import { ExecutionClass, GlueDatabaseJob, storeAddress } from "./glue-database-job";
import { checkArchiveAge, policiesOf, policyArguments } from "./job-policies";

/** Mode of a run. */
export const RunMode = {
  /** It reports what it would do. */
  DRY_RUN: "dry-run",
  /** It does it. */
  EXECUTE: "execute",
} as const;
/** A value of {@link RunMode}. */
export type RunMode = (typeof RunMode)[keyof typeof RunMode];

/** Properties of {@link PurgeGlueJob}. */
export interface PurgeGlueJobProps extends Omit<GlueDatabaseJobProps, "executionClass">, ArchivePolicyProps {
  /** Days that a row must be old to be purged, 2 to 36,500. A run may ask for more, and gets no less. */
  readonly olderThanDays: number;
  /**
   * The MySQL user that deletes the rows, with the rights of `SchemaUser.purge`.
   * @default "xray_purge"
   */
  readonly databaseUser?: string;
  /**
   * Mode of a run that asks for none. It is no limit: `grantStart` gives what may start a run that deletes.
   * @default RunMode.DRY_RUN
   */
  readonly mode?: RunMode;
}

/**
 * The purge: a Glue job that deletes the old rows that its policies reach, key by key, each only where a verified archive holds
 * it unchanged. It can change nothing in the bucket but its own log of what it deleted. Nothing starts it by itself.
 *
 * @example
 * new PurgeGlueJob(this, "Purge", { bucket, database, network, encryptionKey: key, olderThanDays: 90 });
 */
export class PurgeGlueJob extends GlueDatabaseJob {
  /** The triggers that start the job on demand, by the mode of the run: `aws glue start-trigger --name …`. */
  readonly triggerNames: Record<RunMode, string>;

  private readonly triggers: Record<RunMode, GlueTrigger>;

  constructor(scope: Construct, id: string, props: PurgeGlueJobProps) {
    checkProps(scope, id, props);
    // STANDARD: Flex may take a worker away in the middle of a run.
    super(
      scope,
      id,
      { ...props, executionClass: ExecutionClass.STANDARD },
      {
        job: "purge",
        description: "Deletes old metadata that a verified archive holds",
        username: props.databaseUser ?? "xray_purge",
        arguments: {
          "--older_than_days": String(props.olderThanDays),
          "--run_mode": props.mode ?? RunMode.DRY_RUN,
        },
        fixed: (job) => purgeArguments(job, props),
      },
    );
    checkOneOf(this, "mode", props.mode, Object.values(RunMode));
    checkArchiveAge(this, props.database, policiesOf(props), { purge: props.olderThanDays });
    const { bucket, backupBucket = bucket } = props;
    warnWithoutBackups(this, props.database, [storeAddress(backupBucket)], policiesOf(props).map(nameOf));
    const { archive, manifests, purges, checks } = storeFolders(backupBucket.backupPrefix);
    for (const folder of [archive, manifests, purges, checks]) backupBucket.grantRead(this.role, folder);
    for (const folder of [purges, checks]) backupBucket.grantCreate(this.role, folder);
    const trigger = (id: string, mode: RunMode): GlueTrigger =>
      this.addOnDemandTrigger(id, mode, { "--run_mode": mode });
    this.triggers = {
      [RunMode.DRY_RUN]: trigger("DryRunTrigger", RunMode.DRY_RUN),
      [RunMode.EXECUTE]: trigger("ExecuteTrigger", RunMode.EXECUTE),
    };
    this.triggerNames = {
      [RunMode.DRY_RUN]: this.triggers[RunMode.DRY_RUN].name,
      [RunMode.EXECUTE]: this.triggers[RunMode.EXECUTE].name,
    };
  }

  /**
   * Lets a role or user start the job by its triggers on demand, with the arguments of this construct and no others, and
   * follow its runs. With `RunMode.EXECUTE` it may stop them, too: Glue's right to stop is for every run of a job.
   * @param modes the modes that it may start, both by default; with `RunMode.DRY_RUN` alone it can delete nothing
   */
  grantStart(grantee: IGrantee, modes: readonly RunMode[] = Object.values(RunMode)): void {
    checkList(this, "modes", modes);
    for (const mode of modes) checkOneOf(this, "modes", mode, Object.values(RunMode));
    this.grantFollow(grantee, modes.includes(RunMode.EXECUTE));
    grantee.addToPolicy({ actions: ["glue:StartTrigger"], resources: modes.map((mode) => this.triggers[mode].arn) });
  }
}

function purgeArguments(job: Construct, props: PurgeGlueJobProps): Record<string, string> {
  if ((props.olderThanDays as unknown) === undefined) {
    throw new ValidationError(job, "olderThanDays must be given, got undefined: nothing says how old a row must be");
  }
  const given = policyArguments(job, props, { prop: "olderThanDays", days: props.olderThanDays });
  if (policiesOf(props).length === 0) {
    throw new ValidationError(job, "policies must be given with a dataModel, got none: nothing says what grows old");
  }
  return given;
}
