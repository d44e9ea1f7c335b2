/** The MySQL users that people and jobs log in as; the schema stack creates them and grants them their rights. */
export const DATABASE_USERS = ["xray_app", "xray_backup", "xray_purge", "xray_restore"] as const;
/** One of {@link DATABASE_USERS}. */
export type DatabaseUser = (typeof DATABASE_USERS)[number];
