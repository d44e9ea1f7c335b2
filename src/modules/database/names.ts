import type { IConstruct } from "constructs";
import { checkPattern } from "../common/checks";

/** Throws unless `name` can be a database of the schema; the ledger puts the name into locks of at most 64 characters. */
export function checkDatabaseName(scope: IConstruct, name: string | undefined): void {
  checkPattern(
    scope,
    "databaseName",
    name,
    /^[A-Za-z][A-Za-z0-9_]{0,47}$/,
    "a letter and up to 47 letters, digits and underscores",
  );
}

/** Throws unless `name` can be a user: MySQL takes 32 characters, and a secret's name and an ini file take these. */
export function checkUserName(scope: IConstruct, name: string): void {
  checkPattern(scope, "username", name, /^[A-Za-z0-9_]{1,32}$/, "1 to 32 letters, digits and underscores");
}
