import { splitStatements } from "../../src/schema/statement";

const sql = (text: string) => splitStatements(text, "V0001__x.sql").map((statement) => statement.sql);
const error = (text: string) => () => splitStatements(text, "V0001__x.sql");

describe("splitting", () => {
  test.each([
    ["two statements", "SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"]],
    ["no semicolon at the end", "SELECT 1", ["SELECT 1"]],
    ["empty statements", ";; SELECT 1 ;;", ["SELECT 1"]],
    ["semicolon in a string", "SELECT ';', \";\"; SELECT 2", ["SELECT ';', \";\"", "SELECT 2"]],
    ["semicolon in a name", "SELECT `a;b`", ["SELECT `a;b`"]],
    ["semicolon in comments", "SELECT 1 -- ;\n# ;\n/* ; */ + 1", ["SELECT 1 + 1"]],
    ["escaped quotes", "SELECT 'a\\';', 'b'';', `c``;`", ["SELECT 'a\\';', 'b'';', `c``;`"]],
    ["backslash at a string's end", "SELECT '\\\\'; SELECT 2", ["SELECT '\\\\'", "SELECT 2"]],
    ["comment signs in strings", "SELECT '-- a', '/* b */', '# c'", ["SELECT '-- a', '/* b */', '# c'"]],
    ["two dashes without a space", "SELECT 5--1", ["SELECT 5--1"]],
    ["a comment joins nothing", "SELECT/**/1", ["SELECT 1"]],
    ["white space outside of quotes", "SELECT\t1,\n\n  '  2\n'", ["SELECT 1, '  2\n'"]],
    ["non-ASCII", "SELECT 'ung thư 肺 🫁' AS phổi", ["SELECT 'ung thư 肺 🫁' AS phổi"]],
    ["only comments", "-- nothing\n/* here */", []],
  ])("%s", (_, text, expected) => {
    expect(sql(text)).toEqual(expected);
  });

  test("a statement knows its line", () => {
    const lines = splitStatements("-- one\nSELECT 'a\nb';\n\nSELECT 2;", "x.sql").map((statement) => statement.line);
    expect(lines).toEqual([2, 5]);
  });

  test("comments, indentation and the semicolon do not change the hash; a letter does", () => {
    const hash = (text: string) => splitStatements(text, "x.sql")[0]?.sha256;
    expect(hash("-- why\nSELECT   1\n  FROM t;")).toBe(hash("SELECT 1 FROM t"));
    expect(hash("SELECT 1 FROM t")).not.toBe(hash("SELECT 1 FROM u"));
    expect(hash("SELECT 1 FROM t")).toMatch(/^[0-9a-f]{64}$/);
  });

  test.each([
    ["an open string", "SELECT 1;\nSELECT 'a", "V0001__x.sql:2: a quote (') is not closed"],
    ["an open name", "SELECT `a", "V0001__x.sql:1: a quote (`) is not closed"],
    ["a string that ends in a backslash", "SELECT 'a\\'", "V0001__x.sql:1: a quote (') is not closed"],
    ["an open comment", "SELECT 1 /* a", "V0001__x.sql:1: a comment (/*) is not closed"],
    [
      "an executable comment",
      "CREATE TABLE t (id INT) /*!50100 DATA DIRECTORY = '/x' */",
      "V0001__x.sql:1: an executable comment (/*!50100 DAT…) hides SQL: write it as plain SQL",
    ],
    [
      "MariaDB's",
      "/*M! DROP TABLE t */",
      "V0001__x.sql:1: an executable comment (/*M! DROP TA…) hides SQL: write it as plain SQL",
    ],
    [
      "a hint",
      "SELECT /*+ X */ 1",
      "V0001__x.sql:1: an executable comment (/*+ X */…) hides SQL: write it as plain SQL",
    ],
    ["a NUL", "SELECT 1 \0", "V0001__x.sql:1: a control character (code 0) stands outside of a string"],
    [
      "DELIMITER",
      "\ndelimiter //\n",
      "V0001__x.sql:2: DELIMITER is a command of the mysql client, not SQL: leave it out",
    ],
  ])("refuses %s", (_, text, message) => {
    expect(error(text)).toThrow(message);
  });
});

describe("allow lines", () => {
  const reasons = (text: string) => splitStatements(text, "x.sql").map((statement) => statement.destructiveReason);

  test("one belongs to the statement after it, and to no other", () => {
    expect(
      reasons("SELECT 0;\n-- allow: destructive (not used since 2024)\n-- and more\nDROP TABLE a;\nDROP TABLE b;"),
    ).toEqual([undefined, "not used since 2024", undefined]);
  });

  test.each([
    ["no reason", "-- allow: destructive\nDROP TABLE a"],
    ["an empty reason", "-- allow: destructive ( )\nDROP TABLE a"],
    ["another word", "-- Allow: all (x)\nDROP TABLE a"],
  ])("refuses %s", (_, text) => {
    expect(() => splitStatements(text, "x.sql")).toThrow(
      /^x\.sql:1: got ".*", an allow line is: -- allow: destructive \(the reason\)$/,
    );
  });

  test("refuses one inside of a statement and one with nothing after it", () => {
    expect(() => splitStatements("DROP\n-- allow: destructive (x)\nTABLE a", "x.sql")).toThrow(
      "x.sql:2: an allow line stands before its statement",
    );
    expect(() => splitStatements("SELECT 1;\n-- allow: destructive (x)\n", "x.sql")).toThrow(
      "x.sql: an allow line has no statement after it",
    );
  });

  test("a string that looks like one is none", () => {
    expect(reasons("SELECT '-- allow: destructive (x)'")).toEqual([undefined]);
  });
});
