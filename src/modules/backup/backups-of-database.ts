import type { IConstruct } from "constructs";
import { Annotations, Aspects, Token } from "cdktf";
import type { IMetadataDatabase } from "../database/metadata-database";

/** Stores and policies of the backup jobs of one database. */
interface Backups {
  /** Their stores, as `s3://bucket/prefix`. */
  readonly stores: Set<string>;
  /** Names of the policies by which they archive. */
  readonly archived: Set<string>;
}

const backupsOfDatabase = new WeakMap<IMetadataDatabase, Backups>();

/** Notes where a backup job writes, and the policies by which it archives. */
export function addBackups(database: IMetadataDatabase, store: string, archived: readonly string[]): void {
  const backups = backupsOfDatabase.get(database) ?? { stores: new Set(), archived: new Set() };
  backupsOfDatabase.set(database, backups);
  backups.stores.add(store);
  for (const policy of archived) backups.archived.add(policy);
}

/**
 * Warns at synth where the app has a backup job of the database, and none writes what another job looks for.
 *
 * @param stores where the job looks
 * @param policies names of the policies whose archive it needs
 */
export function warnWithoutBackups(
  job: IConstruct,
  database: IMetadataDatabase,
  stores: readonly string[],
  policies: readonly string[] = [],
): void {
  Aspects.of(job).add({
    visit: (node) => {
      const backups = backupsOfDatabase.get(database);
      if (node !== job || backups === undefined) return;
      // A name and the reference to a resource may be of one bucket.
      const comparable = new Set([...backups.stores, ...stores].map((store) => Token.isUnresolved(store))).size === 1;
      if (comparable && !stores.some((store) => backups.stores.has(store))) {
        Annotations.of(job).addWarning(
          "backupBucket: no BackupGlueJob of this database writes where this job looks for backups: give both the same",
        );
      }
      const missing = policies.find((policy) => !backups.archived.has(policy));
      if (missing !== undefined) {
        Annotations.of(job).addWarning(
          `no BackupGlueJob of this database archives by the policy ${missing}, and a purge deletes archived rows only: ` +
            "give it archiveOlderThanDays and the same policies",
        );
      }
    },
  });
}
