import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { hasTime, parseColumnType, withoutDisplayWidth } from "../../src/schema/column-type";
import { formatDataModel, parseDataModel, readDataModelFile } from "../../src/schema/data-model-file";
import { folderWith } from "./support";

const example = path.join(__dirname, "..", "..", "examples", "own-data-model", "data-model.json");

test("a file is read and written again byte for byte", () => {
  expect(formatDataModel(readDataModelFile(example))).toBe(readFileSync(example, "utf8"));
});

const table = (more: object = {}) => ({ name: "t", key: ["id"], columns: [{ name: "id", type: "int" }], ...more });
const reference = (more: object = {}) => ({
  name: "f",
  columns: ["id"],
  table: "t",
  referencedColumns: ["id"],
  ...more,
});

test.each<[unknown, string]>([
  [{}, 'must hold {"tables": […]} with at least one table: write it by xray-schema model'],
  [{ tables: [] }, 'must hold {"tables": […]} with at least one table: write it by xray-schema model'],
  [{ tables: [7] }, "tables[0] must be an object, got 7"],
  [{ tables: [{ name: "t", columns: [] }] }, 'tables[0] has no "key"'],
  [
    { tables: [table({ parent: "p" })] },
    'tables[0] has the unknown field "parent": it takes name, key, columns, foreignKeys',
  ],
  [{ tables: [table({ name: "" })] }, 'name of tables[0] must be a text, got ""'],
  [{ tables: [table({ columns: [] })] }, 'table "t" must have a column, got none'],
  [{ tables: [table({ key: "id" })] }, 'key of table "t" must be a list, got "id"'],
  [{ tables: [table({ key: ["x"] })] }, 'key of table "t" names "x", which is no column of it'],
  [
    { tables: [table({ columns: [{ name: "id", type: "int", nullable: true }] })] },
    'column "id" of table "t" is in the key and must not be nullable',
  ],
  [
    { tables: [table({ columns: [{ name: "id", type: "int", nullable: "no" }] })] },
    'nullable of column "id" of table "t" must be true or false, got "no"',
  ],
  [
    { tables: [table({ columns: [{ name: "id", type: "vector(3)" }] })] },
    'column "id" of table "t": type "vector(3)" cannot be backed up: it must be a type of MySQL 8.4',
  ],
  [
    { tables: [table({ key: [], columns: [{ name: "at__exact", type: "int" }] })] },
    'column "at__exact" of table "t": names that end in __exact are the backup\'s own: rename it',
  ],
  [{ tables: [table(), table()] }, 'table "t" is there twice'],
  [
    { tables: [table({ columns: [1, 2].map(() => ({ name: "id", type: "int" })) })] },
    'column "id" of table "t" is there twice',
  ],
  [
    { tables: [table({ foreignKeys: [reference({ table: "u" })] })] },
    'foreign key "f" of table "t" references table "u", which is not there',
  ],
  [
    { tables: [table({ foreignKeys: [reference({ columns: ["x"] })] })] },
    'foreign key "f" of table "t" names column "x", which is not there',
  ],
  [
    { tables: [table({ foreignKeys: [reference({ columns: [] })] })] },
    'foreign key "f" of table "t" must have as many columns as it references, and at least one',
  ],
])("%j is refused in one line", (document, message) => {
  expect(() => parseDataModel(JSON.stringify(document), "data-model.json")).toThrow(
    new Error(`data-model.json: ${message}`),
  );
});

test("a file that is no JSON, or not there", () => {
  const file = path.join(folderWith({}), "data-model.json");
  expect(() => readDataModelFile(file)).toThrow(
    `${file}: the data model cannot be read (ENOENT): npx xray-schema model writes it`,
  );
  writeFileSync(file, "{,}");
  expect(() => readDataModelFile(file)).toThrow(`${file}: is no JSON: `);
});

test.each([
  ["bigint unsigned", { name: "bigint", numbers: [], unsigned: true }],
  ["int unsigned zerofill", { name: "int", numbers: [], unsigned: true }],
  ["tinyint(1)", { name: "tinyint", numbers: [1], unsigned: false }],
  ["decimal(65,30)", { name: "decimal", numbers: [65, 30], unsigned: false }],
  ["enum('a','it''s',')')", { name: "enum", numbers: [], unsigned: false }],
  ["geomcollection", { name: "geomcollection", numbers: [], unsigned: false }],
])("the parts of %s", (text, parts) => {
  expect(parseColumnType(text)).toEqual(parts);
});

test.each(["vector(3)", "uuid", "inet6", "enum", "enum()", "set('a'", "date unsigned", "INT", ""])(
  "%j is no type of MySQL 8.4 as it writes them",
  (text) => expect(parseColumnType(text)).toBeUndefined(),
);

test.each([
  ["int(11)", "int"],
  ["bigint(20) unsigned", "bigint unsigned"],
  ["tinyint(1)", "tinyint(1)"],
  ["tinyint(4)", "tinyint"],
  ["year(4)", "year"],
  ["varchar(20)", "varchar(20)"],
  ["datetime(6)", "datetime(6)"],
  ["decimal(10,0)", "decimal(10,0)"],
])("%s without its display width is %s", (text, without) => expect(withoutDisplayWidth(text)).toBe(without));

test("rows grow old by dates and times of day, not by times alone", () => {
  expect(["date", "datetime(6)", "timestamp", "time", "year", "int"].map(hasTime)).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});
