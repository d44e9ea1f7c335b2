import type { IConstruct } from "constructs";
import { Token } from "cdktf";
import type { IMetadataDatabase } from "../database/metadata-database";
import { ValidationError } from "../common/validation-error";

/** Days after which the jobs of one database archive and purge. */
interface Ages {
  /**
   * The least age of what goes into an archive.
   * @default - nothing is archived, as far as is known
   */
  archive?: number;
  /**
   * The least age of what is purged.
   * @default - nothing is purged, as far as is known
   */
  purge?: number;
}

const agesOfDatabase = new WeakMap<IMetadataDatabase, Ages>();

/** Throws where a purge would look for transactions that are too young to be in an archive; the later job is told. */
export function checkArchiveAge(scope: IConstruct, database: IMetadataDatabase, added: Ages): void {
  const before = agesOfDatabase.get(database) ?? {};
  const known = (days = NaN): number[] => (Number.isNaN(days) || Token.isUnresolved(days) ? [] : [days]);
  const archive = Math.min(...known(before.archive), ...known(added.archive));
  const purge = Math.min(...known(before.purge), ...known(added.purge));
  if (Number.isFinite(archive) && purge < archive) {
    throw new ValidationError(
      scope,
      `olderThanDays of a purge must be at least archiveOlderThanDays of the backup (${archive}), got ${purge}: ` +
        "younger transactions are in no archive, and are not purged",
    );
  }
  agesOfDatabase.set(database, {
    ...(Number.isFinite(archive) && { archive }),
    ...(Number.isFinite(purge) && { purge }),
  });
}
