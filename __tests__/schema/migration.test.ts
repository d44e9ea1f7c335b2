import { appendFileSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { LOCK_FILE_NAME, checkLock, writeLock } from "../../src/schema/lock";
import { readMigrations, readStatements } from "../../src/schema/migration";
import { folderWith } from "./support";

const A = "CREATE TABLE a (id INT PRIMARY KEY);\n";
const B = "CREATE TABLE b (id INT PRIMARY KEY);\n";

describe("readMigrations", () => {
  test("reads in order, and other files are none of its business", () => {
    const folder = folderWith({ "V0002__b.sql": B, "V0001__a.sql": A, "README.md": "x" });
    expect(readMigrations(folder).map(({ version, name, statements }) => [version, name, statements.length])).toEqual([
      [1, "a", 1],
      [2, "b", 1],
    ]);
  });

  test("line ends and a byte order mark do not change a hash", () => {
    const [unix] = readMigrations(folderWith({ "V0001__a.sql": "CREATE TABLE a\n  (id INT);\n" }));
    const [windows] = readMigrations(folderWith({ "V0001__a.sql": "\ufeffCREATE TABLE a\r\n  (id INT);\r\n" }));
    expect(windows?.sha256).toBe(unix?.sha256);
  });

  test.each<[string, Record<string, string | Buffer>, string]>([
    [
      "a gap",
      { "V0001__a.sql": A, "V0003__b.sql": B },
      "V0003__b.sql: the sequence has a gap before it: expected V0002__….sql; migrations are V0001, V0002, …",
    ],
    [
      "a number twice",
      { "V0001__a.sql": A, "V0001__b.sql": B },
      "V0001__b.sql: the sequence has a number twice: expected V0002__….sql; migrations are V0001, V0002, …",
    ],
    [
      "a start at 2",
      { "V0002__a.sql": A },
      "V0002__a.sql: the sequence has a gap before it: expected V0001__….sql; migrations are V0001, V0002, …",
    ],
    ["another name", { "V1__a.sql": A }, "V1__a.sql: a migration is named V<four digits>__<lower_case_name>.sql"],
    [
      "an upper-case name",
      { "V0001__Add.sql": A },
      "V0001__Add.sql: a migration is named V<four digits>__<lower_case_name>.sql",
    ],
    ["no statement", { "V0001__a.sql": "-- later\n" }, "V0001__a.sql: holds no statement"],
    ["bytes that are not UTF-8", { "V0001__a.sql": Buffer.from([0x53, 0xff]) }, "V0001__a.sql: is not UTF-8 text"],
    [
      "a destructive statement",
      { "V0001__a.sql": `${A}\nDROP TABLE a;` },
      "V0001__a.sql:3: may lose data: DROP TABLE a is not known to keep all data; if that is meant, write before it: -- allow: destructive (the reason)",
    ],
    [
      "another database",
      { "V0001__a.sql": "CREATE TABLE mydb.a (id INT)" },
      "V0001__a.sql:1: may lose data: mydb.a (id INT) is not a table's name alone: the database is chosen by the construct, leave it out; if that is meant, write before it: -- allow: destructive (the reason)",
    ],
    [
      "the ledger's table",
      { "V0001__a.sql": "-- allow: destructive (x)\nDELETE FROM `Schema_migration`" },
      "V0001__a.sql:2: `Schema_migration` is a name of the ledger of migrations: choose another",
    ],
  ])("refuses %s", (_, files, message) => {
    expect(() => readMigrations(folderWith(files))).toThrow(message);
  });

  test("an unsupported statement is refused whatever its allow line says", () => {
    const folder = folderWith({ "V0001__a.sql": "-- allow: destructive (please)\nDROP DATABASE x_ray" });
    expect(() => readMigrations(folder)).toThrow(
      /^V0001__a\.sql:2: DROP DATABASE x_ray is not for a migration, which holds CREATE TABLE, /,
    );
  });

  test("an allow line lets its statement through", () => {
    const folder = folderWith({ "V0001__a.sql": "-- allow: destructive (nobody reads it)\nDROP TABLE a" });
    expect(readMigrations(folder)[0]?.statements[0]?.destructiveReason).toBe("nobody reads it");
  });

  test("a folder or file that is not there", () => {
    expect(() => readMigrations("/nowhere/at/all")).toThrow(
      "/nowhere/at/all: the folder of migrations cannot be read (ENOENT): npx xray-schema new makes one",
    );
    expect(() => readStatements("/nowhere/a.sql")).toThrow("/nowhere/a.sql: cannot be read (ENOENT)");
  });
});

describe("the lock file", () => {
  let folder = "";
  const check = () => checkLock(folder, readMigrations(folder));

  beforeEach(() => {
    folder = folderWith({ "V0001__a.sql": A, "V0002__b.sql": B });
    writeLock(folder, readMigrations(folder));
  });

  test("holds what is there, and locking again changes nothing", () => {
    const before = readFileSync(path.join(folder, LOCK_FILE_NAME), "utf8");
    expect(Object.keys(JSON.parse(before) as object)).toEqual(["V0001__a.sql", "V0002__b.sql"]);
    expect(check).not.toThrow();
    expect(writeLock(folder, readMigrations(folder))).toEqual([]);
    expect(readFileSync(path.join(folder, LOCK_FILE_NAME), "utf8")).toBe(before);
  });

  test("a comment may be mended", () => {
    appendFileSync(path.join(folder, "V0001__a.sql"), "-- why it is so\n");
    expect(check).not.toThrow();
  });

  test("refuses an edited migration, also to lock it anew", () => {
    writeFileSync(path.join(folder, "V0001__a.sql"), A.replace("INT", "BIGINT"));
    const message =
      /^V0001__a\.sql: was edited after it was locked: take the edit back and write a new migration \(locked [0-9a-f]{12}…, got [0-9a-f]{12}…\)$/;
    expect(check).toThrow(message);
    expect(() => writeLock(folder, readMigrations(folder))).toThrow(message);
  });

  test("one that was applied nowhere is locked anew when its line is taken out", () => {
    const lockFile = path.join(folder, LOCK_FILE_NAME);
    const [first] = Object.entries(JSON.parse(readFileSync(lockFile, "utf8")) as Record<string, string>);
    writeFileSync(lockFile, JSON.stringify(Object.fromEntries([first ?? []])));
    writeFileSync(path.join(folder, "V0002__b.sql"), B.replace("INT", "BIGINT"));
    expect(writeLock(folder, readMigrations(folder)).map((migration) => migration.fileName)).toEqual(["V0002__b.sql"]);
    expect(check).not.toThrow();
  });

  test("refuses a removed one", () => {
    rmSync(path.join(folder, "V0002__b.sql"));
    expect(check).toThrow(/^V0002__b\.sql: is locked but not there \(removed or renamed\)/);
  });

  test("refuses a renamed one, and two that changed places", () => {
    renameSync(path.join(folder, "V0002__b.sql"), path.join(folder, "V0002__c.sql"));
    expect(check).toThrow(/^V0002__b\.sql: is locked but not there/);
    renameSync(path.join(folder, "V0001__a.sql"), path.join(folder, "V0002__a.sql"));
    renameSync(path.join(folder, "V0002__c.sql"), path.join(folder, "V0001__b.sql"));
    expect(check).toThrow(/^V0001__a\.sql: is locked but not there/);
  });

  test("refuses one that is not locked yet, until it is", () => {
    writeFileSync(path.join(folder, "V0003__c.sql"), "CREATE TABLE c (id INT)");
    expect(check).toThrow(
      `V0003__c.sql: is not in migrations.lock.json: run "npx xray-schema lock --folder ${folder}" and commit both`,
    );
    expect(writeLock(folder, readMigrations(folder)).map((migration) => migration.fileName)).toEqual(["V0003__c.sql"]);
    expect(check).not.toThrow();
  });

  test.each([
    ["no JSON", "{", "migrations.lock.json: is not JSON: take it back from version control"],
    [
      "a list",
      "[]",
      "migrations.lock.json: is not a list of file names with SHA-256: take it back from version control",
    ],
    [
      "no hash",
      '{"V0001__a.sql": 5}',
      "migrations.lock.json: is not a list of file names with SHA-256: take it back from version control",
    ],
  ])("refuses a lock file with %s", (_, text, message) => {
    writeFileSync(path.join(folder, LOCK_FILE_NAME), text);
    expect(check).toThrow(message);
  });
});

test("the package's own migrations are locked, and their hashes never change", () => {
  const folder = path.join(__dirname, "..", "..", "sql", "migrations");
  const migrations = readMigrations(folder);
  checkLock(folder, migrations);
  expect(migrations.map(({ fileName, sha256 }) => [fileName, sha256])).toEqual([
    ["V0001__create_x_ray_tables.sql", "5caa2fb1298202275ae95d6ef4f032f47586d3a221f334364f8ff6b6437f7201"],
    ["V0002__create_detections_view.sql", "28bfb58ac36656fdac4dc533aa8dab83284b7e0675f443028d07d5b2d0ff8dc8"],
  ]);
});
