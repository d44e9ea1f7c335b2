import { viewsOf } from "../../src/schema/migration";
import { splitStatements } from "../../src/schema/statement";

const views = (...migrations: string[]) =>
  viewsOf(
    migrations.map((text, index) => ({
      version: index + 1,
      name: "m",
      fileName: `V000${index + 1}__m.sql`,
      sha256: "",
      statements: splitStatements(text, "m.sql"),
    })),
  );

test.each<[string, string[], string[]]>([
  ["none", ["CREATE TABLE a (id INT)"], []],
  ["two in order", ["CREATE VIEW b AS SELECT 1; CREATE VIEW a AS SELECT 2"], ["b", "a"]],
  [
    "with all that may stand before the name",
    ["CREATE OR REPLACE ALGORITHM = MERGE SQL SECURITY INVOKER VIEW `a``b` (c) AS SELECT 1"],
    ["a`b"],
  ],
  ["one that was replaced", ["CREATE VIEW a AS SELECT 1", "CREATE OR REPLACE VIEW a AS SELECT 2"], ["a"]],
  ["one that was dropped", ["CREATE VIEW a AS SELECT 1; CREATE VIEW b AS SELECT 1", "DROP VIEW IF EXISTS a, c"], ["b"]],
  ["one that was made again", ["CREATE VIEW a AS SELECT 1", "DROP VIEW a", "CREATE VIEW a AS SELECT 2"], ["a"]],
  ["one that was renamed", ["CREATE VIEW a AS SELECT 1", "RENAME TABLE t TO u, a TO b"], ["b"]],
  ["the word in another place", ["CREATE TABLE view_of (id INT); INSERT INTO t VALUES ('CREATE VIEW x')"], []],
])("%s", (_, migrations, expected) => {
  expect(views(...migrations)).toEqual(expected);
});
