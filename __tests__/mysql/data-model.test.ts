import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { replayApply } from "../../local/replayer/replayer";
import { repositoryRoot } from "../../local/tools/paths";
import { formatDataModel, parseDataModel } from "../../src/schema/data-model-file";
import { readDatabaseModel } from "../../src/schema/database-model";
import { writeModel } from "../../src/schema/model-command";
import { describeOnServers } from "./support/servers";
import { synthesizeSchema, temporaryFolder } from "./support/synth";

const packaged = path.join(repositoryRoot, "glue", "xray_backup", "data_model.json");

describeOnServers("data model", (get) => {
  const create = async (database: string, ...tables: string[]) => {
    const { connection } = get();
    await connection.query(`CREATE DATABASE ${database}`);
    await connection.query(`USE ${database}`);
    for (const table of tables) await connection.query(table);
  };
  const modelOf = (database: string, scope: { tables?: string[]; excludeTables?: string[] } = {}) =>
    readDatabaseModel(get().connection, { database, isOfMigrations: () => false, ...scope });

  /** The command, its lines and its file. */
  const run = async (database: string, more: Record<string, string> = {}) => {
    const { host, port, user, password } = get().root;
    const out = path.join(temporaryFolder(), "data-model.json");
    const lines: string[] = [];
    const spies = (["log", "error"] as const).map((name) =>
      jest.spyOn(console, name).mockImplementation((...line: unknown[]) => void lines.push(line.join(" "))),
    );
    process.env["MYSQL_PWD"] = password;
    try {
      const code = await writeModel({ host, port: String(port), user, database, out, ...more });
      return { code, lines, text: existsSync(out) ? readFileSync(out, "utf8") : undefined };
    } finally {
      delete process.env["MYSQL_PWD"];
      for (const spy of spies) spy.mockRestore();
    }
  };

  test("the packaged model is that of the database that the migrations make, without their own tables", async () => {
    await replayApply({
      stackFile: synthesizeSchema({}),
      server: get().root,
      readSecret: () => Promise.resolve("{}"),
    });
    expect(await run("x_ray")).toEqual({
      code: 0,
      lines: [expect.stringMatching(/data-model\.json: image, transaction, pred_bounding_box$/)],
      text: readFileSync(packaged, "utf8"),
    });
  });

  test("the example's model is that of the database that its migrations make", async () => {
    const example = path.join(repositoryRoot, "examples", "own-data-model");
    await replayApply({
      stackFile: synthesizeSchema({
        databaseName: "slide_registry",
        migrationsFolder: path.join(example, "migrations"),
      }),
      server: get().root,
      readSecret: () => Promise.resolve("{}"),
    });
    const { text } = await run("slide_registry");
    const written = readFileSync(path.join(example, "data-model.json"), "utf8");
    // MariaDB keeps JSON as a text.
    const json = get().isMariaDb ? written.replaceAll('"json"', '"longtext"') : written;
    expect(text?.replaceAll(/("longtext".*), "characterSet": "utf8mb4"/g, "$1")).toBe(json);
  });

  test("every type is read as MySQL writes it, without a width that only a client shows", async () => {
    const types = [
      "tinyint unsigned",
      "smallint",
      "mediumint unsigned",
      "int",
      "bigint unsigned",
      "decimal(65,30)",
      "float",
      "double",
      "bit(64)",
      "date",
      "time(6)",
      "datetime(3)",
      "timestamp(6)",
      "year",
      "char(3)",
      "varchar(20)",
      "tinytext",
      "longtext",
      "binary(16)",
      "varbinary(20)",
      "mediumblob",
      "enum('a','it''s','b,c')",
      "set('x','y')",
      "geometry",
      "point",
      "multipolygon",
    ];
    const columns = types.map((type, index) => `c${index} ${type} NULL`);
    await create("every_type", `CREATE TABLE t (id INT(7) PRIMARY KEY, ${columns.join(", ")}) CHARACTER SET latin1`);
    const { tables, faults } = await modelOf("every_type");
    expect(faults).toEqual([]);
    expect(tables[0]?.columns.map(({ type }) => type)).toEqual(["int", ...types]);
    expect(tables[0]?.columns[15]).toEqual({ name: "c14", type: "char(3)", nullable: true, characterSet: "latin1" });
    expect(parseDataModel(formatDataModel(tables), "again")).toEqual(tables);
  });

  test("keys, foreign keys, cycles and generated columns", async () => {
    await create(
      "keys_and_cycles",
      "CREATE TABLE pair (a INT, b VARCHAR(9), PRIMARY KEY (b, a))",
      "CREATE TABLE by_unique (u INT NOT NULL, p VARCHAR(99) NOT NULL, n INT, UNIQUE KEY k1 (n), UNIQUE KEY k2 (p(5)), UNIQUE KEY k3 (u))",
      "CREATE TABLE no_key (n INT, UNIQUE KEY (n))",
      "CREATE TABLE child (id INT PRIMARY KEY, a INT, b VARCHAR(9), d INT GENERATED ALWAYS AS (a + 1) VIRTUAL, w DATETIME DEFAULT CURRENT_TIMESTAMP, CONSTRAINT of_pair FOREIGN KEY (b, a) REFERENCES pair (b, a))",
      "CREATE TABLE aaa_leaf (id INT PRIMARY KEY, child INT, CONSTRAINT of_child FOREIGN KEY (child) REFERENCES child (id))",
      "CREATE TABLE tree (id INT PRIMARY KEY, up INT, CONSTRAINT of_tree FOREIGN KEY (up) REFERENCES tree (id))",
      "CREATE TABLE x (id INT PRIMARY KEY, y INT)",
      "CREATE TABLE y (id INT PRIMARY KEY, x INT, CONSTRAINT of_x FOREIGN KEY (x) REFERENCES x (id))",
      "ALTER TABLE x ADD CONSTRAINT of_y FOREIGN KEY (y) REFERENCES y (id)",
    );
    const { tables } = await modelOf("keys_and_cycles");
    expect(tables.map(({ name, key }) => [name, key])).toEqual([
      ["by_unique", ["u"]],
      ["no_key", []],
      ["pair", ["b", "a"]],
      ["tree", ["id"]],
      ["child", ["id"]],
      ["aaa_leaf", ["id"]],
      ["x", ["id"]],
      ["y", ["id"]],
    ]);
    const child = tables.find(({ name }) => name === "child");
    expect(child?.foreignKeys).toEqual([
      { name: "of_pair", columns: ["b", "a"], table: "pair", referencedColumns: ["b", "a"] },
    ]);
    expect(child?.columns.filter(({ generated }) => generated).map(({ name }) => name)).toEqual(["d"]);

    const narrowed = await modelOf("keys_and_cycles", { excludeTables: ["pair"] });
    expect(narrowed.tables.find(({ name }) => name === "child")?.foreignKeys).toBeUndefined();
    expect((await modelOf("keys_and_cycles", { tables: ["x", "tree"] })).tables.map(({ name }) => name)).toEqual([
      "tree",
      "x",
    ]);
    await expect(run("keys_and_cycles", { tables: "treee" })).rejects.toThrow(
      /^database keys_and_cycles: has no table "treee"; it has aaa_leaf, by_unique, child/,
    );
  });

  test("what cannot be backed up is named, and nothing is written", async () => {
    const { isMariaDb, server } = get();
    const strange = isMariaDb ? "inet6" : "vector(3)";
    const hasStrange = isMariaDb || !server.version.startsWith("8.");
    await create(
      "not_all",
      "CREATE TABLE in_memory (id INT PRIMARY KEY) ENGINE = MEMORY",
      "CREATE TABLE reserved (id INT PRIMARY KEY, time__exact INT)",
      ...(hasStrange ? [`CREATE TABLE strange (id INT PRIMARY KEY, v ${strange})`] : []),
    );
    expect(await run("not_all")).toEqual({
      code: 1,
      lines: [
        'error: table "in_memory" is of engine MEMORY, and only InnoDB reads all rows as of one moment: change the engine, or leave it out with --exclude-tables',
        'error: column "time__exact" of table "reserved": names that end in __exact are the backup\'s own: rename it',
        ...(hasStrange
          ? [
              `error: column "v" of table "strange": type "${strange}" cannot be backed up: it must be a type of MySQL 8.4`,
            ]
          : []),
      ],
      text: undefined,
    });
    await expect(run("not_all", { "exclude-tables": "in_memory,reserved,strange" })).rejects.toThrow(
      /^database not_all: no table is left; it has in_memory/,
    );
  });

  test("over TLS the server's authority counts, and no other", async () => {
    const { caFile } = get().server;
    if (caFile === undefined) return; // a server that MYSQL_URL names
    await create("by_tls", "CREATE TABLE t (id INT PRIMARY KEY)");
    expect(await run("by_tls", { "ssl-ca": caFile })).toMatchObject({ code: 0 });
    await expect(run("by_tls", { "ssl-ca": "rds" })).rejects.toThrow(/^127\.0\.0\.1:\d+: .*certificate/);
    await expect(run("by_tls", { "ssl-ca": "/nowhere.pem" })).rejects.toThrow(
      "/nowhere.pem: the authorities cannot be read (ENOENT)",
    );
  });
});

test("a server that is not there", async () => {
  process.env["MYSQL_PWD"] = "x";
  await expect(writeModel({ user: "u", database: "d", port: "1" })).rejects.toThrow(
    "127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1",
  );
  delete process.env["MYSQL_PWD"];
  await expect(writeModel({ user: "u", database: "d" })).rejects.toThrow(
    "model: there is no terminal to ask for the password: set MYSQL_PWD",
  );
});
