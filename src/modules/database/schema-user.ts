import { SchemaError } from "../../schema/schema-error";
import { type ArchivePolicyProps, DataModel } from "../common/data-model";
import type { IDatabaseSecret } from "./database-secret";

/** Privilege of a user on a table. */
export const SchemaPrivilege = {
  /** Reads rows. */
  SELECT: "SELECT",
  /** Adds rows. */
  INSERT: "INSERT",
  /** Changes rows. */
  UPDATE: "UPDATE",
  /** Deletes rows. */
  DELETE: "DELETE",
  /** Shows the triggers of a table, and makes them. */
  TRIGGER: "TRIGGER",
  /** Shows a table's foreign keys; by itself it neither reads nor changes a row. */
  REFERENCES: "REFERENCES",
  /** Shows a view's statement, together with SELECT, and the names of tables and views. */
  SHOW_VIEW: "SHOW VIEW",
  /** Shows the events of a schema, and makes, alters and drops them. */
  EVENT: "EVENT",
  /** Shows the text of every procedure and function of the server; MySQL has it for `*.*` only. */
  SHOW_ROUTINE: "SHOW_ROUTINE",
} as const;
/** One of {@link SchemaPrivilege}. */
export type SchemaPrivilege = (typeof SchemaPrivilege)[keyof typeof SchemaPrivilege];

/** Identity of an account, and the way it is made. */
export interface SchemaAccountOptions {
  /**
   * The hosts that the user may come from, as MySQL writes them; kept in lower case, as MySQL keeps them. A user with two
   * hosts is given twice, the host that is deployed already first.
   * @default "%" - any host; the database's security group is what lets a host in
   */
  readonly host?: string;
  /**
   * Drops an account of this name and host that this schema did not make, with all its rights, and makes it anew.
   * @default false - the deploy is refused
   */
  readonly takeOver?: boolean;
}

/** Options of the users that the jobs and the web app have. */
export interface TaskUserOptions extends SchemaAccountOptions, Pick<ArchivePolicyProps, "dataModel"> {}

/** Options of the user of a purge. */
export interface PurgeUserOptions extends TaskUserOptions, Pick<ArchivePolicyProps, "policies"> {}

/** Properties of {@link SchemaUser}. */
export interface SchemaUserProps extends SchemaAccountOptions {
  /** The secret that holds the user's name and password. */
  readonly secret: Pick<IDatabaseSecret, "username" | "secretArn" | "passwordVersion">;
  /** Privileges of the user. */
  readonly privileges: SchemaPrivilege[];
  /** The tables and views that the user may do it with. */
  readonly tables: string[];
  /**
   * Also reads what the schema is made of, so that a backup can make it again: the names of all tables and views, the views,
   * and the record of the migrations.
   * @default false
   */
  readonly readsDefinition?: boolean;
  /**
   * Also reads the triggers, procedures, functions and events of the schema, so that a backup can make them again. MySQL has
   * no right that only shows triggers or events: with TRIGGER and EVENT on the schema the user can also make and drop
   * them, and with SHOW_ROUTINE it reads the procedures and functions of every schema of the server.
   * MariaDB has no SHOW_ROUTINE: there, grant by hand what is needed.
   * @default false - a backup holds none of them, and names what it could not see
   */
  readonly readsStoredPrograms?: boolean;
}

/** Options of {@link SchemaUser.backup}. */
export interface BackupUserOptions extends TaskUserOptions, Pick<SchemaUserProps, "readsStoredPrograms"> {}

const { SELECT, INSERT, DELETE, TRIGGER, REFERENCES } = SchemaPrivilege;

/** A database user of one task, with the least that the task needs on the tables that are backed up. */
export class SchemaUser {
  /** The web app: it reads and adds rows, and changes none. */
  static app(secret: SchemaUserProps["secret"], options?: TaskUserOptions): SchemaUser {
    return SchemaUser.onAllTables(secret, [SELECT, INSERT], options);
  }

  /** The backup job: it reads the rows, and what the schema is made of. */
  static backup(secret: SchemaUserProps["secret"], options?: BackupUserOptions): SchemaUser {
    return SchemaUser.onAllTables(secret, [SELECT], options, true);
  }

  /**
   * The purge job: it reads and deletes what is proven to be archived, and sees the triggers and foreign keys, of any schema,
   * by which a delete would reach other rows. It reads no other table: no name of an image.
   */
  static purge(secret: SchemaUserProps["secret"], options: PurgeUserOptions = {}): SchemaUser {
    const { dataModel = DataModel.xray(), policies, ...account } = options;
    const purged = dataModel.purgedBy(policies);
    if (purged.length === 0) {
      throw new SchemaError("must be given with a dataModel, got none: nothing says what grows old", "policies");
    }
    return new SchemaUser(
      { ...account, secret, privileges: [SELECT, DELETE, TRIGGER], tables: purged },
      { onEveryTable: [REFERENCES] },
    );
  }

  /** The restore job: it reads, and adds rows that are missing. */
  static restore(secret: SchemaUserProps["secret"], options?: TaskUserOptions): SchemaUser {
    return SchemaUser.onAllTables(secret, [SELECT, INSERT], options);
  }

  /**
   * The erasing job: it reads and deletes, and sees the triggers and foreign keys, of any schema, by which a delete would
   * reach other rows.
   */
  static erase(secret: SchemaUserProps["secret"], options: TaskUserOptions = {}): SchemaUser {
    const { dataModel = DataModel.xray(), ...account } = options;
    const tables = dataModel.tables.map(({ name }) => name);
    const privileges = [SELECT, DELETE, TRIGGER];
    return new SchemaUser({ ...account, secret, privileges, tables }, { onEveryTable: [REFERENCES] });
  }

  private static onAllTables(
    secret: SchemaUserProps["secret"],
    privileges: SchemaPrivilege[],
    { dataModel = DataModel.xray(), ...account }: BackupUserOptions = {},
    readsDefinition = false,
  ): SchemaUser {
    const tables = dataModel.tables.map(({ name }) => name);
    return new SchemaUser({ ...account, secret, privileges, tables, readsDefinition });
  }

  /** The user's secret. */
  readonly secret: SchemaUserProps["secret"];
  /** Privileges of the user. */
  readonly privileges: readonly SchemaPrivilege[];
  /** The tables and views that the user may do it with. */
  readonly tables: readonly string[];
  /** Also reads what the schema is made of. */
  readonly readsDefinition: boolean;
  /** Also reads triggers, procedures, functions and events. */
  readonly readsStoredPrograms: boolean;
  /** The hosts that the user may come from, in lower case. */
  readonly host: string;
  /** Drops an account that this schema did not make, and makes it anew. */
  readonly takeOver: boolean;
  /** Privileges by table. */
  readonly privilegesByTable: ReadonlyMap<string, readonly SchemaPrivilege[]>;
  /** Privileges on every table of the server. */
  readonly onEveryTable: readonly SchemaPrivilege[];

  constructor(props: SchemaUserProps, more: { readonly onEveryTable?: SchemaPrivilege[] } = {}) {
    this.secret = props.secret;
    this.privileges = [...props.privileges];
    this.tables = [...props.tables];
    this.readsDefinition = props.readsDefinition ?? false;
    this.readsStoredPrograms = props.readsStoredPrograms ?? false;
    this.host = (props.host ?? "%").toLowerCase();
    this.takeOver = props.takeOver ?? false;
    this.onEveryTable = more.onEveryTable ?? [];
    this.privilegesByTable = new Map(this.tables.map((table) => [table, this.privileges] as const));
  }
}
