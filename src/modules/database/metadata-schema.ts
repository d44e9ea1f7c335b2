import { Construct } from "constructs";
import type { ITerraformDependable, TerraformMetaArguments } from "cdktf";
import { DataMysqlTables } from "../../providers/mysql/data-mysql-tables";
import { Sql } from "../../providers/mysql/sql";
import { createAccountRecord } from "../../schema/accounts";
import { documentationPage } from "../../schema/documentation";
import * as ledger from "../../schema/ledger";
import { checkLock } from "../../schema/lock";
import { type Migration, readMigrations, readStatements, viewsOf } from "../../schema/migration";
import { SchemaError } from "../../schema/schema-error";
import { packagePath } from "../common/assets";
import { writeBesideHcl } from "../common/beside-hcl";
import { applyAwsProps } from "../common/aws-provider";
import { checkConstruct, checkList } from "../common/checks";
import { checkDatabaseName, checkOncePerServer } from "./names";
import { addSchemaAccounts } from "./schema-account";
import { addSchemaLogins } from "./schema-logins";
import { allowSeveralStatements } from "./several-statements";
import type { SchemaUser } from "./schema-user";
import { ValidationError } from "../common/validation-error";

/** Properties of {@link MetadataSchema}. */
export interface MetadataSchemaProps {
  /**
   * The AWS provider that reads the users' secrets.
   * @default - the stack's AWS provider without an alias
   */
  readonly awsProvider?: TerraformMetaArguments["provider"];
  /**
   * The database that holds the tables. It is made where it is not there.
   * @default "x_ray"
   */
  readonly databaseName?: string;
  /**
   * Folder of the migrations `V<nnnn>__<name>.sql` with their lock file; a relative one starts at the working directory.
   * @default - the three tables and the view of this package
   */
  readonly migrationsFolder?: string;
  /**
   * The users and what they may do.
   * @default - none
   */
  readonly users?: SchemaUser[];
  /**
   * Loads the package's sample rows: 2 images, 2 transactions, 5 boxes. Rows that are there stay.
   * @default false
   */
  readonly sampleData?: boolean;
  /**
   * Keeps the database: a plan that destroys it fails, and so does the server when it is asked to.
   * @default true
   */
  readonly preventDestroy?: boolean;
  /**
   * The MySQL provider to use. The schema turns its `multiStatements` on.
   * @default - the stack's MySQL provider without an alias
   */
  readonly provider?: TerraformMetaArguments["provider"];
  /**
   * Keeps a user's old password valid beside a new one, until the next new one or `ALTER USER … DISCARD OLD PASSWORD`, so
   * that a rotation locks nobody out. `false` is for a server without dual passwords: MariaDB, MySQL before 8.0.14.
   * @default true
   * @see https://dev.mysql.com/doc/refman/8.4/en/password-management.html#dual-passwords
   */
  readonly retainOldPasswords?: boolean;
}

const NOTHING = "DO 0";

/**
 * The schema of a MySQL database, from its migrations: each statement runs once in the life of the database, in order,
 * under strict mode, and what is applied is kept in the database's own ledger.
 *
 * The text of each `mysql_sql` is a contract: Terraform replaces a statement whose text differs from its state.
 */
export class MetadataSchema extends Construct {
  /** The database that holds the tables. */
  readonly databaseName: string;
  /** The migrations, in order. */
  readonly migrations: readonly Migration[];

  private readonly provider?: TerraformMetaArguments["provider"];
  private readonly preventDestroy: boolean;
  private last?: ITerraformDependable;

  constructor(scope: Construct, id: string, props: MetadataSchemaProps = {}) {
    super(scope, id);
    applyAwsProps(this, { provider: props.awsProvider });
    this.databaseName = props.databaseName ?? "x_ray";
    this.preventDestroy = props.preventDestroy ?? true;
    this.provider = props.provider;
    checkDatabaseName(this, this.databaseName);
    checkOncePerServer(this, `database ${this.databaseName}`, props.provider);
    allowSeveralStatements(this, props.provider);
    checkList(this, "users", props.users);
    for (const user of props.users ?? []) {
      checkConstruct(
        this,
        "secret of a user",
        user.secret,
        "secretArn",
        "a secret, as MetadataDatabase.addUser(…) gives it",
      );
    }
    addSchemaLogins(
      this,
      this.databaseName,
      (props.users ?? []).map(({ secret }) => secret),
    );
    this.migrations = this.readMigrations(props.migrationsFolder ?? packagePath("sql", "migrations"));

    this.addFoundation();
    this.addMigrations();
    if (props.sampleData ?? false) this.addSampleData();
    const users = this.addUsers(props.users ?? [], props.retainOldPasswords ?? true);
    // Destroyed first, as it depends on all: where it refuses, nothing else has gone, users and grants included.
    this.addSql("Protection", NOTHING, ledger.refuseWhereProtected(this.databaseName), {
      keep: true,
      dependsOn: users,
    });
  }

  private addUsers(users: readonly SchemaUser[], retainOldPasswords: boolean): ITerraformDependable[] {
    const { databaseName, last: after, provider } = this;
    if (after === undefined) return [];
    const definition = [ledger.LEDGER_TABLE, ...viewsOf(this.migrations)];
    const common = { databaseName, after, definition, retainOldPasswords, provider };
    const accounts = addSchemaAccounts(this, users, common);
    return accounts.flatMap(({ resources }) => resources);
  }

  private readMigrations(folder: string): Migration[] {
    try {
      const migrations = readMigrations(folder);
      if (migrations.length === 0) throw new SchemaError("holds no migration", folder);
      checkLock(folder, migrations);
      return migrations;
    } catch (error) {
      throw SchemaError.isSchemaError(error) ? new ValidationError(this, error.message) : error;
    }
  }

  private addFoundation(): void {
    const database = this.databaseName;
    this.addSql("Resource", ledger.createDatabase(database), ledger.dropDatabase(database), { keep: true });
    this.addSql("Guard", ledger.createGuard(database, this.preventDestroy), NOTHING);
    this.addSql("Ledger", ledger.createLedgerTable(database), ledger.refuseWhereProtected(database), { keep: true });
    this.addSql("Accounts", createAccountRecord(database), NOTHING);
    this.addSql("Apply", ledger.createApplyProcedure(database), NOTHING);
  }

  private addMigrations(): void {
    let previous: ledger.StatementPosition | undefined;
    for (const { migration, position, statement } of ledger.placeStatements(this.migrations)) {
      const id = `${migration.fileName.slice(0, 5)}-${position.statement}`;
      const createSql = ledger.applyStatement(this.databaseName, position, migration.name, statement, previous);
      this.addSql(id, createSql, ledger.refuseWhereProtected(this.databaseName), { keep: true });
      previous = position;
    }
    if (previous !== undefined) this.expectNewest(previous);
  }

  /**
   * Makes a plan fail where the database is older than Terraform's state, as it is after a snapshot was restored: nothing
   * else would tell, since a `mysql_sql` is never read back.
   */
  private expectNewest(position: ledger.StatementPosition): void {
    const applied = new DataMysqlTables(this, "Applied", {
      database: this.databaseName,
      pattern: "schema_at_%",
      provider: this.provider,
      dependsOn: this.last === undefined ? [] : [this.last],
      lifecycle: {
        postcondition: [
          {
            condition: `\${contains(self.tables, "${ledger.markerOf(position)}")}`,
            errorMessage: `The schema of ${this.databaseName} is not the one that Terraform's state holds (restored to an earlier time?): see ${documentationPage("runbook/instance-gone")}.`,
          },
        ],
      },
    });
    writeBesideHcl(applied);
  }

  private addSampleData(): void {
    readStatements(packagePath("sql", "sample_data.sql")).forEach((statement, index) => {
      const position = { version: 0, statement: index + 1 };
      const createSql = ledger.applyStatement(this.databaseName, position, "sample_data", statement);
      this.addSql(`SampleData-${position.statement}`, createSql, NOTHING);
    });
  }

  /** Adds a statement after the one added last. */
  private addSql(
    id: string,
    createSql: string,
    deleteSql: string,
    options: { readonly keep?: boolean; readonly dependsOn?: ITerraformDependable[] } = {},
  ): void {
    const after = this.last === undefined ? [] : [this.last];
    const sql = new Sql(this, id, {
      name: `${this.databaseName} ${id}`,
      createSql: terraformLiteral(createSql),
      deleteSql: terraformLiteral(deleteSql),
      provider: this.provider,
      dependsOn: [...after, ...(options.dependsOn ?? [])],
      lifecycle: options.keep === true && this.preventDestroy ? { preventDestroy: true } : undefined,
    });
    writeBesideHcl(sql);
    this.last = sql;
  }
}

/** Terraform reads `${` and `%{` in a text as the start of an expression; doubled, they stand for themselves. */
function terraformLiteral(text: string): string {
  return text.replace(/([$%])\{/g, (_, sign: string) => `${sign}${sign}{`);
}
