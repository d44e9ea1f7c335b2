import type { CommandResult } from "../../local/tools/run-command";
import type { OpenServer } from "../../local/servers/mysql/open-server";
import type { RowId } from "./scenarios";

/** One change of a schema, as a tool that runs statements and as a tool that compares tables wants it. */
export interface Step {
  /** The statements of the change. */
  readonly statements: readonly string[];
  /** Each table that the change touches: its `CREATE TABLE` afterwards, or undefined where it is gone. */
  readonly tables: Readonly<Record<string, string | undefined>>;
}

/** A checkout of a project, on its own folder, with a database of its own. */
export interface Site {
  readonly folder: string;
  readonly database: string;
  readonly server: OpenServer;
}

/** Result of a tool's command. */
export type Run = Pick<CommandResult, "code" | "output">;

/** Remedy for a row that the tool's defaults do not pass. */
export interface Help {
  /** As the table names it. */
  readonly name: string;
  /** Writes each statement as a change of its own. */
  readonly oneStatementAStep?: boolean;
  /** Run before the deploy; a code that is not 0 keeps the deploy from starting. */
  run?(site: Site): Promise<Run>;
}

/** A tool with its default settings. */
export interface SchemaTool {
  /** The heading of its column. */
  readonly name: string;
  /** Writes the files of all steps so far. */
  write(site: Site, steps: readonly Step[]): void;
  /** Renews the file that keeps the hashes of the others, where the tool has one. */
  seal?(site: Site): Promise<Run>;
  deploy(site: Site): Promise<Run>;
  /** Says what a deploy would do. */
  preview(site: Site): Promise<Run>;
  /** Compares the database with what the tool made. */
  drift(site: Site): Promise<Run>;
  /** Removes all that the tool made, without asking. */
  destroy(site: Site): Promise<Run>;
  /** The table in which it keeps what it has applied. */
  readonly historyTable?: string;
  /** Loses the record that it keeps outside of the database. */
  loseState?(site: Site): void;
  /** Words with which it stops. */
  readonly says: Partial<Record<RowId, RegExp>>;
  readonly help: Partial<Record<RowId, Help>>;
}
