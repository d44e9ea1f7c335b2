import type { IConstruct } from "constructs";
import type { S3BucketLifecycleConfigurationRule } from "@cdktf/provider-aws/lib/s3-bucket-lifecycle-configuration";
import { Token } from "cdktf";
import { checkInteger, checkList, checkOneOf } from "../common/checks";
import { storeFolders } from "../common/job-contract";
import { ValidationError } from "../common/validation-error";

/** A storage class that is colder than S3 Standard and still answers at once. */
export const StorageClass = {
  /** For what is read less than monthly; 30 days at least. */
  INFREQUENT_ACCESS: "STANDARD_IA",
  /** S3 moves each object by how often it is read. */
  INTELLIGENT_TIERING: "INTELLIGENT_TIERING",
  /** For what is read about once a quarter; 90 days at least. */
  GLACIER_INSTANT_RETRIEVAL: "GLACIER_IR",
} as const;
/** A value of {@link StorageClass}. */
export type StorageClass = (typeof StorageClass)[keyof typeof StorageClass];

/** A move to a colder storage class. */
export interface ImageTransition {
  /** Storage class to move to. */
  readonly storageClass: StorageClass;
  /** Days from the upload, 30 at least. */
  readonly transitionAfterDays: number;
}

/** Retention of backups. */
export interface BackupLifecycleProps {
  /**
   * Days after which an upload in parts that was never finished is given up.
   * @default 7
   */
  readonly abortIncompleteMultipartUploadDays?: number;
  /**
   * Days for which an overwritten or deleted image or snapshot can be had back.
   * @default 90
   */
  readonly noncurrentVersionExpirationDays?: number;
  /**
   * Days after which a snapshot is deleted; 35 at least, so that a month of weekly ones is there. The archive, which holds
   * the only copy of purged rows, and the manifests are never deleted.
   * @default - snapshots are kept
   */
  readonly snapshotExpirationDays?: number;
}

/** Retention and storage classes of a data lake's objects. */
export interface DataLakeLifecycleProps extends BackupLifecycleProps {
  /**
   * Moves of images to colder storage; `[]` leaves them in S3 Standard.
   * @default - STANDARD_IA after 90 days, GLACIER_IR after 365 days
   */
  readonly imageTransitions?: ImageTransition[];
}

/** The folder of Athena's results, beside the images and the backups. */
export const ATHENA_RESULTS_PREFIX = "athena-results";

const DEFAULT_TRANSITIONS: ImageTransition[] = [
  { storageClass: StorageClass.INFREQUENT_ACCESS, transitionAfterDays: 90 },
  { storageClass: StorageClass.GLACIER_INSTANT_RETRIEVAL, transitionAfterDays: 365 },
];

/** The rules for a bucket with these folders. */
export function dataLakeLifecycleRules(
  scope: IConstruct,
  imagesPrefix: string,
  backupPrefix: string,
  props: DataLakeLifecycleProps,
): S3BucketLifecycleConfigurationRule[] {
  const transitions = props.imageTransitions ?? DEFAULT_TRANSITIONS;
  checkTransitions(scope, transitions);
  const [abort, ...backups] = backupLifecycleRules(scope, backupPrefix, props);
  return [
    abort,
    {
      id: "images",
      status: "Enabled",
      filter: [{ prefix: `${imagesPrefix}/` }],
      transition: transitions.map(({ storageClass, transitionAfterDays }) => ({
        storageClass,
        days: transitionAfterDays,
      })),
      noncurrentVersionExpiration: noncurrentVersionExpiration(props),
    },
    ...backups,
    {
      // They hold what the images' metadata holds, and a query can be run again.
      id: "query-results",
      status: "Enabled",
      filter: [{ prefix: `${ATHENA_RESULTS_PREFIX}/` }],
      expiration: [{ days: 30 }],
      noncurrentVersionExpiration: [{ noncurrentDays: 1 }],
    },
  ];
}

/** The rules for the backups of a bucket; the first one is for all that it holds. */
export function backupLifecycleRules(
  scope: IConstruct,
  backupPrefix: string,
  props: BackupLifecycleProps,
): [S3BucketLifecycleConfigurationRule, ...S3BucketLifecycleConfigurationRule[]] {
  const { abortIncompleteMultipartUploadDays, noncurrentVersionExpirationDays, snapshotExpirationDays } = props;
  checkInteger(scope, "abortIncompleteMultipartUploadDays", abortIncompleteMultipartUploadDays, 1, 365);
  checkInteger(scope, "noncurrentVersionExpirationDays", noncurrentVersionExpirationDays, 1, 36_500);
  checkInteger(scope, "snapshotExpirationDays", snapshotExpirationDays, 35, 36_500);
  return [
    {
      id: "abort-incomplete-uploads",
      status: "Enabled",
      filter: [{ prefix: "" }],
      abortIncompleteMultipartUpload: [{ daysAfterInitiation: abortIncompleteMultipartUploadDays ?? 7 }],
    },
    {
      id: "snapshots",
      status: "Enabled",
      filter: [{ prefix: `${storeFolders(backupPrefix).snapshot}/` }],
      expiration: snapshotExpirationDays === undefined ? undefined : [{ days: snapshotExpirationDays }],
      noncurrentVersionExpiration: noncurrentVersionExpiration(props),
    },
  ];
}

function noncurrentVersionExpiration({ noncurrentVersionExpirationDays = 90 }: BackupLifecycleProps): {
  noncurrentDays: number;
}[] {
  return [{ noncurrentDays: noncurrentVersionExpirationDays }];
}

/** S3 moves an object down this list only, and not before it has spent 30 days in its class. */
function checkTransitions(scope: IConstruct, transitions: ImageTransition[]): void {
  checkList(scope, "imageTransitions", transitions);
  const classes: string[] = Object.values(StorageClass);
  transitions.forEach(({ storageClass, transitionAfterDays }, index) => {
    checkOneOf(scope, "imageTransitions storageClass", storageClass, classes);
    checkInteger(scope, `imageTransitions ${storageClass} transitionAfterDays`, transitionAfterDays, 30, 36_500);
    const previous = transitions[index - 1];
    if (!previous) return;
    const known = !Token.isUnresolved(storageClass) && !Token.isUnresolved(previous.storageClass);
    if (known && classes.indexOf(storageClass) <= classes.indexOf(previous.storageClass)) {
      throw new ValidationError(
        scope,
        `imageTransitions must go from ${classes.join(" to ")}, got ${storageClass} after ${previous.storageClass}`,
      );
    }
    if (Token.isUnresolved(transitionAfterDays) || Token.isUnresolved(previous.transitionAfterDays)) return;
    if (transitionAfterDays < previous.transitionAfterDays + 30) {
      throw new ValidationError(
        scope,
        `imageTransitions must be 30 days apart, got ${storageClass} after ${transitionAfterDays} days, ` +
          `the one before it after ${previous.transitionAfterDays}`,
      );
    }
  });
}
