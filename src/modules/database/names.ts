import type { IConstruct } from "constructs";
import { type TerraformMetaArguments, TerraformStack } from "cdktf";
import { checkPattern } from "../common/checks";
import { ValidationError } from "../common/validation-error";

/** Databases that the server or RDS makes and needs. */
const SERVER_DATABASES = ["information_schema", "innodb", "mysql", "performance_schema", "sys", "tmp"];

/** Throws unless `name` can be a database of the schema; the ledger puts the name into locks of at most 64 characters. */
export function checkDatabaseName(scope: IConstruct, name: string | undefined): void {
  checkPattern(
    scope,
    "databaseName",
    name,
    /^[A-Za-z][A-Za-z0-9_]{0,47}$/,
    "a letter and up to 47 letters, digits and underscores",
  );
  if (name !== undefined && SERVER_DATABASES.includes(name.toLowerCase())) {
    throw new ValidationError(scope, `databaseName must not be one of the server's own databases, got "${name}"`);
  }
}

/** Accounts that the server or RDS makes and needs; those with a dot in their name are no names of ours anyway. */
const SERVER_USERS = ["mysql", "rds_superuser_role", "rdsadmin", "rdsproxyadmin", "rdsrepladmin", "root"];

/** Throws where RDS refuses the master user's name: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html */
export function checkMasterUserName(scope: IConstruct, name: string | undefined): void {
  checkPattern(
    scope,
    "masterUsername",
    name,
    /^[A-Za-z][A-Za-z0-9_]{0,15}$/,
    "1 to 16 letters, digits and underscores that start with a letter",
  );
  // RDS lets its customers be root, who is no user of the server's there.
  if (name !== undefined && name.toLowerCase() !== "root" && SERVER_USERS.includes(name.toLowerCase())) {
    throw new ValidationError(scope, `masterUsername must not be a name that RDS keeps for itself, got "${name}"`);
  }
}

/** Throws unless `name` can be a user: MySQL takes 32 characters, and a secret's name and an ini file take these. */
export function checkUserName(scope: IConstruct, name: string): void {
  checkPattern(scope, "username", name, /^[A-Za-z0-9_]{1,32}$/, "1 to 32 letters, digits and underscores");
  if (SERVER_USERS.includes(name.toLowerCase())) {
    throw new ValidationError(scope, `username must not be one of the server's own users, got "${name}"`);
  }
}

/** Databases and accounts of each stack, by server, and the construct that makes each. */
const madeInStack = new WeakMap<TerraformStack, Map<string, string>>();

/**
 * Throws where another construct of the stack makes the same database or account on the same server: in one apply neither
 * finds the other's work there, and the end of one takes it away from the other.
 *
 * @param what for example `user xray_app@%`
 */
export function checkOncePerServer(
  scope: IConstruct,
  what: string,
  provider: TerraformMetaArguments["provider"],
): void {
  const stack = TerraformStack.of(scope);
  const made = madeInStack.get(stack) ?? new Map<string, string>();
  madeInStack.set(stack, made);
  const key = `${provider?.fqn ?? "mysql"} ${what}`;
  const other = made.get(key);
  if (other !== undefined) {
    throw new ValidationError(scope, `${what} is made by ${other} on the same server: give it another name`);
  }
  made.set(key, scope.node.path);
}
