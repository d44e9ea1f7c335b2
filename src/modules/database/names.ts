import type { IConstruct } from "constructs";
import { checkPattern } from "../common/checks";
import { ValidationError } from "../common/validation-error";

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

/** Accounts that the server or RDS makes and needs; those with a dot in their name are no names of ours anyway. */
const SERVER_USERS = ["mysql", "rds_superuser_role", "rdsadmin", "rdsproxyadmin", "rdsrepladmin", "root"];

/** Throws unless `name` can be a user: MySQL takes 32 characters, and a secret's name and an ini file take these. */
export function checkUserName(scope: IConstruct, name: string): void {
  checkPattern(scope, "username", name, /^[A-Za-z0-9_]{1,32}$/, "1 to 32 letters, digits and underscores");
  if (SERVER_USERS.includes(name.toLowerCase())) {
    throw new ValidationError(scope, `username must not be one of the server's own users, got "${name}"`);
  }
}
