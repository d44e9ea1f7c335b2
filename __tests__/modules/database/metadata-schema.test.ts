import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { TerraformStack, Testing, Token } from "cdktf";
import { MetadataSchema, type MetadataSchemaProps } from "../../../src/modules/database/metadata-schema";
import { SchemaPrivilege, SchemaUser, type SchemaUserProps } from "../../../src/modules/database/schema-user";
import { MysqlProvider } from "../../../src/providers/mysql/provider";
import { slideRegistry } from "../../support/slide-registry";
import { synthesize } from "../../support/synth";

type Resources = Record<string, Record<string, Record<string, unknown>>>;

const secret = {
  username: "xray_app",
  secretArn: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app-AbCdEf",
  passwordVersion: 3,
};
const user = (props: Partial<SchemaUserProps> = {}) =>
  new SchemaUser({ secret, privileges: [SchemaPrivilege.SELECT], tables: ["image"], ...props });

function synth(props: MetadataSchemaProps = {}): { resource: Resources; ephemeral: Resources; data: Resources } {
  const stack = new TerraformStack(Testing.app(), "stack");
  new AwsProvider(stack, "Aws", { region: "eu-west-1" });
  new MysqlProvider(stack, "Mysql");
  new MetadataSchema(stack, "Schema", props);
  return JSON.parse(Testing.synth(stack, true)) as { resource: Resources; ephemeral: Resources; data: Resources };
}

const sqlOf = (props: MetadataSchemaProps = {}) => Object.values(synth(props).resource["mysql_sql"] ?? {});

test("each statement is one resource after the one before it", () => {
  const { resource } = synth({ users: [user()], sampleData: true });
  const chain = Object.entries(resource["mysql_sql"] ?? {}).map(([id, body]) => [id, body["depends_on"] ?? []]);
  expect(Object.fromEntries(chain)).toMatchSnapshot();
});

test("the text of a statement is a contract with every deployed state", () => {
  const texts = Object.entries(synth({ sampleData: true }).resource["mysql_sql"] ?? {}).map(([id, body]) => [
    id,
    [body["create_sql"], body["delete_sql"]],
  ]);
  expect(Object.fromEntries(texts)).toMatchSnapshot();
});

test("a copy of the package's migrations makes the same schema", () => {
  const migrationsFolder = mkdtempSync(path.join(tmpdir(), "migrations-"));
  try {
    cpSync(path.join(__dirname, "..", "..", "..", "sql", "migrations"), migrationsFolder, { recursive: true });
    expect(synth({ migrationsFolder, sampleData: true })).toEqual(synth({ sampleData: true }));
  } finally {
    rmSync(migrationsFolder, { recursive: true });
  }
});

test("every statement runs under strict mode", () => {
  const ownStatements = sqlOf({ users: [user()] }).filter(
    (body) => !/^(DO 0|DROP USER|CALL `x_ray`.schema_claim)/.test(String(body["create_sql"])),
  );
  expect(ownStatements).toHaveLength(9);
  for (const body of ownStatements) expect(body["create_sql"]).toMatch(/^SET SESSION sql_mode = 'STRICT_TRANS_TABLES,/);
});

test("every deletion that could cost data asks the guard first", () => {
  const deletions = Object.entries(synth({ sampleData: true }).resource["mysql_sql"] ?? {}).map(([id, body]) => [
    id,
    body["delete_sql"],
  ]);
  const unguarded = deletions.filter(([, sql]) => !String(sql).startsWith("CALL `x_ray`.schema_guard()"));
  expect(unguarded.map(([id, sql]) => `${String(id)}: ${String(sql)}`)).toEqual([
    expect.stringMatching(/^Schema_Accounts_\w+: DO 0$/),
    expect.stringMatching(/^Schema_Apply_\w+: DO 0$/),
    expect.stringMatching(/^Schema_Guard_\w+: DO 0$/),
    expect.stringMatching(/^Schema_SampleData-1_\w+: DO 0$/),
    expect.stringMatching(/^Schema_SampleData-2_\w+: DO 0$/),
    expect.stringMatching(/^Schema_SampleData-3_\w+: DO 0$/),
  ]);
});

test("a kept database is protected in the plan too, and protecting it changes no other statement", () => {
  const kept = synth().resource["mysql_sql"] ?? {};
  const open = synth({ preventDestroy: false }).resource["mysql_sql"] ?? {};
  const isKept = (body: Record<string, unknown>) =>
    (body["lifecycle"] as { prevent_destroy?: boolean } | undefined)?.prevent_destroy;
  expect(Object.values(kept).filter(isKept)).toHaveLength(7);
  expect(Object.values(open).filter(isKept)).toHaveLength(0);
  const changed = Object.keys(kept).filter(
    (id) =>
      kept[id]?.["create_sql"] !== open[id]?.["create_sql"] || kept[id]?.["delete_sql"] !== open[id]?.["delete_sql"],
  );
  expect(changed).toEqual([expect.stringMatching(/^Schema_Guard_/)]);
});

test("a user's password comes from its secret at run time, and its grants follow the user", () => {
  const { resource, ephemeral } = synth({ users: [SchemaUser.app(secret)] });
  const [secretId] = Object.keys(ephemeral["aws_secretsmanager_secret_version"] ?? {});
  const [[userId, body] = []] = Object.entries(resource["mysql_user"] ?? {});
  expect(ephemeral["aws_secretsmanager_secret_version"]?.[secretId ?? ""]).toEqual({ secret_id: secret.secretArn });
  expect(body).toMatchObject({
    user: "xray_app",
    host: "%",
    password_wo: `\${jsondecode(ephemeral.aws_secretsmanager_secret_version.${secretId}.secret_string).password}`,
    password_wo_version: 3,
    retain_old_password: true,
  });
  const grants = Object.values(resource["mysql_grant"] ?? {});
  expect(grants.map((grant) => [grant["database"], grant["table"], grant["privileges"]])).toEqual([
    ["x_ray", "image", ["SELECT", "INSERT"]],
    ["x_ray", "pred_bounding_box", ["SELECT", "INSERT"]],
    ["x_ray", "transaction", ["SELECT", "INSERT"]],
  ]);
  for (const grant of grants) expect(grant["lifecycle"]).toEqual({ replace_triggered_by: [`mysql_user.${userId}.id`] });
});

test("a server without dual passwords gets a new password alone", () => {
  const { resource } = synth({ users: [SchemaUser.app(secret)], retainOldPasswords: false });
  expect(Object.values(resource["mysql_user"] ?? {}).map((user) => "retain_old_password" in user)).toEqual([false]);
});

test("the backup reads what the schema is made of: its views, the ledger, and the names of all", () => {
  const { resource } = synth({ users: [SchemaUser.backup({ ...secret, username: "xray_backup" })] });
  const grants = Object.values(resource["mysql_grant"] ?? {}).map(({ table, privileges }) => [table, privileges]);
  expect(grants).toEqual([
    ["detections", ["SELECT"]],
    ["image", ["SELECT"]],
    ["pred_bounding_box", ["SELECT"]],
    ["schema_migration", ["SELECT"]],
    ["transaction", ["SELECT"]],
    ["*", ["SHOW VIEW"]],
  ]);
});

test("a backup that reads stored programs has what MySQL shows them for, and warns of what else that allows", () => {
  const users = [SchemaUser.backup({ ...secret, username: "xray_backup" }, { readsStoredPrograms: true })];
  const { resource } = synth({ users });
  const grants = Object.values(resource["mysql_grant"] ?? {}).map(({ database, table, privileges }) => [
    database,
    table,
    privileges,
  ]);
  expect(grants).toContainEqual(["x_ray", "*", ["SHOW VIEW", "TRIGGER", "EVENT"]]);
  expect(grants).toContainEqual(["*", "*", ["SHOW_ROUTINE"]]);
  const stack = synthesize((scope) => {
    new MysqlProvider(scope, "Mysql");
    new MetadataSchema(scope, "Schema", { users });
  });
  expect(stack.warnings).toContain(
    "readsStoredPrograms: this user can also make and drop triggers and events of the schema, and reads the procedures and " +
      "functions of every schema of the server",
  );
});

test("a user's account is claimed before it is dropped, and dropped before it is made", () => {
  const { resource } = synth({ users: [user({ takeOver: true })] });
  const find = (type: string, name: string) =>
    Object.entries(resource[type] ?? {}).find(([id]) => id.includes(`xray_app_${name}_`)) ?? ["", {}];
  const [claimId, claim] = find("mysql_sql", "Claim");
  const [forgetId, forget] = find("mysql_sql", "Forget");
  expect(claim["create_sql"]).toBe("CALL `x_ray`.schema_claim('xray_app', '%', TRUE)");
  // In the state of every deployed user: another text would drop the user of each.
  expect(forget["create_sql"]).toBe("DROP USER IF EXISTS 'xray_app'@'%'");
  expect(forget["depends_on"]).toEqual([`mysql_sql.${claimId}`]);
  expect(Object.values(resource["mysql_user"] ?? {})[0]?.["depends_on"]).toEqual([`mysql_sql.${forgetId}`]);
});

test("a plan reads whether the newest migration is in the database", () => {
  const [data] = Object.values(synth().data["mysql_tables"] ?? {});
  expect(data).toMatchObject({
    database: "x_ray",
    pattern: "schema_at_%",
    depends_on: [expect.stringMatching(/^mysql_sql\.Schema_V0002-1_/)],
    lifecycle: {
      postcondition: [
        {
          condition: '${contains(self.tables, "schema_at_v0002_1")}',
          error_message:
            "The schema of x_ray is not the one that Terraform's state holds (restored to an earlier time?): " +
            "see docs/runbook/instance-gone.md.",
        },
      ],
    },
  });
});

test("each task has the least that it needs", () => {
  expect(SchemaUser.app(secret).privileges).toEqual(["SELECT", "INSERT"]);
  expect(SchemaUser.backup(secret).privileges).toEqual(["SELECT"]);
  const purge = SchemaUser.purge(secret);
  expect(Object.fromEntries(purge.privilegesByTable)).toEqual({
    transaction: ["SELECT", "DELETE", "TRIGGER"],
    pred_bounding_box: ["SELECT", "DELETE", "TRIGGER"],
  });
  expect(purge.onEveryTable).toEqual(["REFERENCES"]);
  expect(SchemaUser.restore(secret).privileges).toEqual(["SELECT", "INSERT"]);
});

test("each task has the least that it needs on the tables of another data model", () => {
  const dataModel = slideRegistry;
  const policies = [{ anchorTable: "slide", timeColumn: "scanned_at" }];
  const tables = ["tissue", "specimen", "slide", "annotation", "review"];
  for (const task of ["app", "backup", "restore"] as const) {
    expect(SchemaUser[task](secret, { dataModel }).tables).toEqual(tables);
  }
  expect(Object.fromEntries(SchemaUser.purge(secret, { dataModel, policies }).privilegesByTable)).toEqual({
    slide: ["SELECT", "DELETE", "TRIGGER"],
    annotation: ["SELECT", "DELETE", "TRIGGER"],
    review: ["SELECT", "DELETE", "TRIGGER"],
  });
  expect(SchemaUser.app(secret, { dataModel, host: "10.0.%" }).host).toBe("10.0.%");
  expect(() => SchemaUser.purge(secret, { dataModel })).toThrow(
    "policies: must be given with a dataModel, got none: nothing says what grows old",
  );
});

test("takes another database and a provider's alias", () => {
  const stack = new TerraformStack(Testing.app(), "stack");
  const provider = new MysqlProvider(stack, "Second", { alias: "second" });
  const schema = new MetadataSchema(stack, "Schema", { databaseName: "other", provider });
  expect(schema.databaseName).toBe("other");
  expect(schema.migrations.map((migration) => migration.version)).toEqual([1, 2]);
  const { resource } = JSON.parse(Testing.synth(stack, true)) as { resource: Resources };
  for (const body of Object.values(resource["mysql_sql"] ?? {})) {
    expect(body["provider"]).toBe("mysql.second");
    expect(`${String(body["create_sql"])}${String(body["delete_sql"])}`).not.toContain("x_ray`");
  }
});

test.each<[string, (stack: TerraformStack) => unknown, (stack: TerraformStack) => unknown]>([
  ["made before", (stack) => new MysqlProvider(stack, "Mysql"), () => undefined],
  ["made later", () => undefined, (stack) => new MysqlProvider(stack, "Mysql")],
  [
    "that has it as a prop, which cdktf misspells",
    (stack) => new MysqlProvider(stack, "Mysql", { connParams: { multiStatements: "true", charset: "utf8mb4" } }),
    () => undefined,
  ],
])("turns multiStatements on at a provider %s", (_, before, after) => {
  const stack = new TerraformStack(Testing.app(), "stack");
  before(stack);
  const second = new MysqlProvider(stack, "Second", { alias: "second" });
  new MetadataSchema(stack, "Schema");
  after(stack);
  const { provider } = JSON.parse(Testing.synth(stack, true)) as { provider: { mysql: Record<string, unknown>[] } };
  const params = Object.fromEntries(provider.mysql.map(({ alias, conn_params }) => [alias ?? "default", conn_params]));
  expect(params["default"]).toMatchObject({ multiStatements: "true" });
  expect(Object.keys(params["default"] as object)).not.toContain("multi_statements");
  expect(params["second"]).toBeUndefined();
  new MetadataSchema(stack, "OtherSchema", { databaseName: "other", provider: second });
  expect(Testing.synth(stack, true).match(/"multiStatements": "true"/g)).toHaveLength(2);
});

test("takes names that only Terraform knows", () => {
  const secretArn = Token.asString({ resolve: () => "${local.arn}" });
  expect(() => synth({ users: [user({ secret: { ...secret, secretArn } })] })).not.toThrow();
});

describe("fails when", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), "migrations-"));
    writeFileSync(path.join(folder, "V0001__a.sql"), "DROP TABLE a");
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each<[string, () => MetadataSchemaProps, string]>([
    [
      "the database's name is not one",
      () => ({ databaseName: "x-ray" }),
      'stack/Schema: databaseName must be a letter and up to 47 letters, digits and underscores, got "x-ray"',
    ],
    ...["mysql", "sys", "MySQL", "information_schema", "performance_schema"].map(
      (databaseName): [string, () => MetadataSchemaProps, string] => [
        `the database is the server's own (${databaseName})`,
        () => ({ databaseName }),
        `stack/Schema: databaseName must not be one of the server's own databases, got "${databaseName}"`,
      ],
    ),
    [
      "a migration may lose data",
      () => ({ migrationsFolder: folder }),
      "stack/Schema: V0001__a.sql:1: may lose data: DROP TABLE a is not known to keep all data; if that is meant, write before it: -- allow: destructive (the reason)",
    ],
    [
      "the folder is not there",
      () => ({ migrationsFolder: "/nowhere" }),
      "stack/Schema: /nowhere: the folder of migrations cannot be read (ENOENT): npx xray-schema new makes one",
    ],
    [
      "the folder is empty",
      () => ({ migrationsFolder: path.join(__dirname, "..", "..", "..", "src", "schema") }),
      "holds no migration",
    ],
    [
      "a user's name is not one",
      () => ({ users: [user({ secret: { ...secret, username: "a'b" } })] }),
      'stack/Schema: username must be 1 to 32 letters, digits and underscores, got "a\'b"',
    ],
    [
      "a host is not one",
      () => ({ users: [user({ host: "%'" })] }),
      'stack/Schema: host of xray_app must be a host as MySQL writes it, such as % or 10.0.%, got "%\'"',
    ],
    [
      "a table is not one",
      () => ({ users: [user({ tables: ["image`"] })] }),
      'stack/Schema/xray_app: tables must be names of letters, digits and underscores, got "image`"',
    ],
  ])("%s", (_, props, message) => {
    expect(() => synth(props())).toThrow(message);
  });

  test.each([
    [
      "users",
      { users: "xray_app" as never },
      'stack/Schema: users must be a list that is known at synth, got "xray_app"',
    ],
    [
      "a secret",
      { users: [SchemaUser.app("xray_app" as never)] },
      'stack/Schema: secret of a user must be a secret, as MetadataDatabase.addUser(…) gives it, got "xray_app"',
    ],
    [
      "privileges",
      { users: [user({ privileges: ["select" as never] })] },
      'stack/Schema/xray_app: privileges must be one or more of SELECT, INSERT, UPDATE, DELETE, TRIGGER, REFERENCES, SHOW VIEW, EVENT, SHOW_ROUTINE, got ["select"]',
    ],
    [
      "no privilege",
      { users: [user({ privileges: [] })] },
      "stack/Schema/xray_app: privileges must be one or more of SELECT, INSERT, UPDATE, DELETE, TRIGGER, REFERENCES, SHOW VIEW, EVENT, SHOW_ROUTINE, got []",
    ],
  ])("plain JavaScript: %s", (_, props: MetadataSchemaProps, message) => {
    expect(() => synth(props)).toThrow(message);
  });

  test("one user has two secrets", () => {
    const other = user({ secret: { ...secret, secretArn: `${secret.secretArn}2` } });
    expect(() => synth({ users: [user(), other] })).toThrow(
      "stack/Schema: user xray_app must have one secret, got two: name the same one each time",
    );
  });

  test.each(["root", "rdsadmin", "RDSAdmin"])("a user is the server's own (%s)", (username) => {
    expect(() => synth({ users: [user({ secret: { ...secret, username } })] })).toThrow(
      `stack/Schema: username must not be one of the server's own users, got "${username}"`,
    );
  });

  test("two schemas of one stack and one server have a user of one name, or are one database", () => {
    const stack = new TerraformStack(Testing.app(), "stack");
    const second = new MysqlProvider(stack, "Second", { alias: "second" });
    new MetadataSchema(stack, "Schema", { users: [user()] });
    new MetadataSchema(stack, "ElsewhereSchema", { users: [user()], provider: second });
    new MetadataSchema(stack, "OtherHostSchema", { databaseName: "a", users: [user({ host: "10.0.%" })] });
    expect(() => new MetadataSchema(stack, "OtherSchema", { databaseName: "b", users: [user()] })).toThrow(
      "stack/OtherSchema: user xray_app@% is made by stack/Schema on the same server: give it another name",
    );
    expect(() => new MetadataSchema(stack, "SameSchema")).toThrow(
      "stack/SameSchema: database x_ray is made by stack/Schema on the same server: give it another name",
    );
  });
});

test("a user may have the name of one of the schema's own parts", () => {
  const parts = Object.keys({ ...synth({ sampleData: true }).resource["mysql_sql"], ...synth().data["mysql_tables"] })
    .map((id) => /^Schema_([A-Za-z]+)_[0-9A-F]{8}$/.exec(id)?.[1])
    .filter((id) => id !== undefined);
  expect(parts).toHaveLength(6);
  const names = [...parts, "Resource"];
  const users = names.map((username) => user({ secret: { ...secret, username, secretArn: username } }));
  const ids = Object.keys(synth({ users }).resource["mysql_user"] ?? {});
  expect(ids.map((id) => /^Schema_user-([A-Za-z]+)_/.exec(id)?.[1]).sort()).toEqual(names.sort());
});

test("a user given twice is one account; a further host is a further one, and the first keeps its addresses", () => {
  const view = user({ tables: ["detections"] });
  const insert = user({ tables: ["image", "image"], privileges: [SchemaPrivilege.INSERT] });
  const grantsOf = (users: SchemaUser[]) =>
    Object.entries(synth({ users }).resource["mysql_grant"] ?? {}).map(([id, grant]) => [
      id.replace(/_[0-9A-F]{8}$/, ""),
      grant["host"],
      grant["privileges"],
    ]);
  expect(grantsOf([user(), view, insert])).toEqual([
    ["Schema_xray_app_Grant-detections", "%", ["SELECT"]],
    ["Schema_xray_app_Grant-image", "%", ["SELECT", "INSERT"]],
  ]);
  const alone = Object.keys(synth({ users: [user({ host: "10.0.%" })] }).resource["mysql_user"] ?? {});
  const users = [user({ host: "10.0.%" }), user({ host: "APP.Example.com" })];
  const both = synth({ users }).resource["mysql_user"] ?? {};
  expect(Object.keys(both)).toEqual(expect.arrayContaining(alone));
  expect(Object.values(both).map((body) => body["host"])).toEqual(
    expect.arrayContaining(["10.0.%", "app.example.com"]),
  );
});
