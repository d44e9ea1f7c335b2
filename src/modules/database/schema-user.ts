import { readDataModel } from "../common/data-model";
import type { IDatabaseSecret } from "./database-secret";

/** What a user may do with a table. */
export const SchemaPrivilege = {
  SELECT: "SELECT",
  INSERT: "INSERT",
  UPDATE: "UPDATE",
  DELETE: "DELETE",
} as const;
/** One of {@link SchemaPrivilege}. */
export type SchemaPrivilege = (typeof SchemaPrivilege)[keyof typeof SchemaPrivilege];

/** Properties of {@link SchemaUser}. */
export interface SchemaUserProps {
  /** The secret that holds the user's name and password. */
  readonly secret: Pick<IDatabaseSecret, "username" | "secretArn" | "passwordVersion">;
  /** What the user may do. */
  readonly privileges: SchemaPrivilege[];
  /** The tables and views that the user may do it with. */
  readonly tables: string[];
  /**
   * The hosts that the user may come from, as MySQL writes them.
   * @default "%" - any host; the database's security group is what lets a host in
   */
  readonly host?: string;
}

const { SELECT, INSERT, DELETE } = SchemaPrivilege;

/** A database user of one task, with the least that the task needs on the tables that are backed up. */
export class SchemaUser {
  /** The web app: it reads and adds rows, and changes none. */
  static app(secret: SchemaUserProps["secret"]): SchemaUser {
    return SchemaUser.onAllTables(secret, [SELECT, INSERT]);
  }

  /** The backup job: it reads. */
  static backup(secret: SchemaUserProps["secret"]): SchemaUser {
    return SchemaUser.onAllTables(secret, [SELECT]);
  }

  /** The purge job: it reads, and deletes what is proven to be archived. */
  static purge(secret: SchemaUserProps["secret"]): SchemaUser {
    return SchemaUser.onAllTables(secret, [SELECT, DELETE]);
  }

  /** The restore job: it reads, and adds rows that are missing. */
  static restore(secret: SchemaUserProps["secret"]): SchemaUser {
    return SchemaUser.onAllTables(secret, [SELECT, INSERT]);
  }

  private static onAllTables(secret: SchemaUserProps["secret"], privileges: SchemaPrivilege[]): SchemaUser {
    return new SchemaUser({ secret, privileges, tables: readDataModel().map(({ name }) => name) });
  }

  /** The user's secret. */
  readonly secret: SchemaUserProps["secret"];
  /** What the user may do. */
  readonly privileges: readonly SchemaPrivilege[];
  /** The tables and views that the user may do it with. */
  readonly tables: readonly string[];
  /** The hosts that the user may come from. */
  readonly host: string;

  constructor(props: SchemaUserProps) {
    this.secret = props.secret;
    this.privileges = [...props.privileges];
    this.tables = [...props.tables];
    this.host = props.host ?? "%";
  }
}
