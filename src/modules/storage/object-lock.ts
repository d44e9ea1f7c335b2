/** Strength of an object lock. */
export const ObjectLockMode = {
  /** Those with `s3:BypassGovernanceRetention` can delete a locked version before its time. */
  GOVERNANCE: "GOVERNANCE",
  /** Nobody can delete one before its time, not even the account's root user. */
  COMPLIANCE: "COMPLIANCE",
} as const;
/** A value of {@link ObjectLockMode}. */
export type ObjectLockMode = (typeof ObjectLockMode)[keyof typeof ObjectLockMode];

/** Time for which each new version of an object is locked against deletion. */
export interface ObjectLockRetention {
  /** Strength of the lock until then. */
  readonly mode: ObjectLockMode;
  /** Days from the version's creation, 1 to 36,500. */
  readonly days: number;
}
