import { Construct } from "constructs";
import { Annotations, Fn, type ITerraformDependable, propertyAccess, type TerraformMetaArguments } from "cdktf";
import { Grant } from "../../providers/mysql/grant";
import { Sql } from "../../providers/mysql/sql";
import { User } from "../../providers/mysql/user";
import { type Account, claimAccount, dropAccount, releaseAccount } from "../../schema/accounts";
import { checkPattern } from "../common/checks";
import { writeBesideHcl } from "../common/beside-hcl";
import { EphemeralResource } from "../common/ephemeral-resource";
import { ValidationError } from "../common/validation-error";
import { checkOncePerServer, checkUserName } from "./names";
import { SchemaPrivilege, type SchemaUser } from "./schema-user";

/** Properties of {@link SchemaAccount}. */
export interface SchemaAccountProps {
  /** The database that holds the tables. */
  readonly databaseName: string;
  /** Everything that is said about one user on one host. */
  readonly users: readonly [SchemaUser, ...SchemaUser[]];
  /** The statement that must have run before. */
  readonly after: ITerraformDependable;
  /** The views, and the record of the migrations: a user that reads what the schema is made of reads these. */
  readonly definition: readonly string[];
  /** Keeps the password before beside a new one. */
  readonly retainOldPasswords: boolean;
  /**
   * The MySQL provider.
   * @default - the stack's MySQL provider without an alias
   */
  readonly provider?: TerraformMetaArguments["provider"];
}

/** An account of the server with its rights. Its password is that of its secret, read at each run. */
export class SchemaAccount extends Construct {
  /** Last resources of it: the grants, or the account where it has none. */
  readonly resources: ITerraformDependable[];

  constructor(scope: Construct, id: string, props: SchemaAccountProps) {
    super(scope, id);
    const { databaseName, definition, provider, users } = props;
    const [{ secret, host }] = users;
    const account = { user: secret.username, host };
    const user = this.addUser(account, props);
    const grants = grantsOf(this, databaseName, users, definition).map(({ id, ...target }) => {
      const grant = new Grant(this, id, {
        ...target,
        user: user.user,
        host,
        provider,
        // A user that is replaced loses its grants, which the provider does not notice in the same plan. Its id changes
        // then; a new password alone changes the user in place, and leaves the grants.
        lifecycle: { replaceTriggeredBy: [`${user.terraformResourceType}.${user.friendlyUniqueId}.id`] },
      });
      writeBesideHcl(grant);
      return grant;
    });
    this.resources = grants.length > 0 ? grants : [user];
  }

  private addUser(account: Account, props: SchemaAccountProps): User {
    const { databaseName, users, after, provider } = props;
    const { username, secretArn, passwordVersion } = users[0].secret;
    const takeOver = users.some((user) => user.takeOver);
    const claim = new Sql(this, "Claim", {
      name: `${databaseName} claim ${username}`,
      createSql: claimAccount(databaseName, account, takeOver),
      deleteSql: releaseAccount(databaseName, account),
      provider,
      dependsOn: [after],
    });
    // The provider's CREATE USER fails for a user that is there, as all are when a Terraform state is lost.
    const forget = new Sql(this, "Forget", {
      name: `${databaseName} forget ${username}`,
      createSql: dropAccount(account),
      deleteSql: "DO 0",
      provider,
      dependsOn: [claim],
    });
    const secret = new EphemeralResource(this, "Secret", {
      type: "aws_secretsmanager_secret_version",
      arguments: { secret_id: secretArn },
    });
    return new User(this, "Resource", {
      user: username,
      host: account.host,
      passwordWo: propertyAccess(Fn.jsondecode(secret.attribute("secret_string")), ["password"]) as unknown as string,
      passwordWoVersion: passwordVersion,
      // Clients that have the old password go on, until a later change or DISCARD OLD PASSWORD.
      retainOldPassword: props.retainOldPasswords ? true : undefined,
      provider,
      dependsOn: [forget],
    });
  }
}

/** The ids of the schema's own parts, which a user's name may be, too. */
const PARTS = ["Accounts", "Applied", "Apply", "Guard", "Ledger", "Protection", "Resource"];

function firstId(username: string): string {
  return PARTS.includes(username) ? `user-${username}` : username;
}

/**
 * Adds the accounts of a schema: one for each user and host, with the rights of all that names them. A user's first host
 * has the user's name as its construct id, each further one `<user>@<host>`.
 */
export function addSchemaAccounts(
  scope: Construct,
  users: readonly SchemaUser[],
  props: Omit<SchemaAccountProps, "users">,
): SchemaAccount[] {
  const byAccount = new Map<string, [SchemaUser, ...SchemaUser[]]>();
  const ids = new Map<string, string>();
  const secretArns = new Map<string, string>();
  for (const user of users) {
    const { username, secretArn } = user.secret;
    checkUserName(scope, username);
    checkPattern(
      scope,
      `host of ${username}`,
      user.host,
      /^[a-z0-9_.:%/-]{1,255}$/,
      "a host as MySQL writes it, such as % or 10.0.%",
    );
    if ((secretArns.get(username) ?? secretArn) !== secretArn) {
      throw new ValidationError(scope, `user ${username} must have one secret, got two: name the same one each time`);
    }
    const account = `${username}@${user.host}`;
    ids.set(account, ids.get(account) ?? (secretArns.has(username) ? account : firstId(username)));
    secretArns.set(username, secretArn);
    byAccount.set(account, [...(byAccount.get(account) ?? []), user] as [SchemaUser, ...SchemaUser[]]);
  }
  return [...byAccount].map(([account, same]) => {
    checkOncePerServer(scope, `user ${account}`, props.provider);
    return new SchemaAccount(scope, ids.get(account) ?? account, { ...props, users: same });
  });
}

/** A grant, as the provider takes it. */
interface TableGrant {
  /** The construct's id. */
  readonly id: string;
  /** The table's database; an asterisk stands for every one. */
  readonly database: string;
  /** The table's name; an asterisk stands for every one. */
  readonly table: string;
  /** The privileges on it. */
  readonly privileges: SchemaPrivilege[];
}

/** The provider takes one grant for each user, host and table. */
function grantsOf(
  scope: Construct,
  database: string,
  users: readonly SchemaUser[],
  definition: readonly string[],
): TableGrant[] {
  const byTable = new Map<string, SchemaPrivilege[]>();
  const add = (table: string, privileges: readonly SchemaPrivilege[]): void => {
    byTable.set(table, [...new Set([...(byTable.get(table) ?? []), ...privileges])]);
  };
  const known: readonly string[] = Object.values(SchemaPrivilege);
  for (const { privileges: given, privilegesByTable, readsDefinition } of users) {
    if (given.length === 0 || given.some((privilege) => !known.includes(privilege))) {
      const got = JSON.stringify(given);
      throw new ValidationError(scope, `privileges must be one or more of ${known.join(", ")}, got ${got}`);
    }
    for (const [table, privileges] of privilegesByTable) {
      checkPattern(scope, "tables", table, /^[A-Za-z0-9_]{1,64}$/, "names of letters, digits and underscores");
      add(table, privileges);
    }
    if (readsDefinition) for (const name of definition) add(name, [SchemaPrivilege.SELECT]);
  }
  const readsPrograms = users.some(({ readsStoredPrograms }) => readsStoredPrograms);
  const onSchema = [
    // It shows the names of all tables, so that a backup can name those that it does not hold.
    ...(users.some(({ readsDefinition }) => readsDefinition) ? [SchemaPrivilege.SHOW_VIEW] : []),
    ...(readsPrograms ? [SchemaPrivilege.TRIGGER, SchemaPrivilege.EVENT] : []),
  ];
  const everywhere = new Set(users.flatMap(({ onEveryTable }) => onEveryTable));
  if (readsPrograms) {
    everywhere.add(SchemaPrivilege.SHOW_ROUTINE);
    Annotations.of(scope).addWarning(
      "readsStoredPrograms: this user can also make and drop triggers and events of the schema, and reads the procedures and " +
        "functions of every schema of the server",
    );
  }
  return [
    ...[...byTable].map(([table, privileges]) => ({ id: `Grant-${table}`, database, table, privileges })),
    // No table's name has a hyphen.
    ...(onSchema.length > 0 ? [{ id: "Grant-whole-schema", database, table: "*", privileges: onSchema }] : []),
    ...(everywhere.size > 0
      ? [{ id: "Grant-every-table", database: "*", table: "*", privileges: [...everywhere] }]
      : []),
  ];
}
