import { DataModel, type DataModelTable } from "../../../src";
import { changedRegistry, registryWith, slideRegistry } from "../../support/slide-registry";

const slides = { anchorTable: "slide", timeColumn: "scanned_at" };
const reference = (table: string, columns: string[], referencedColumns = columns) => ({
  name: `to_${table}`,
  columns,
  table,
  referencedColumns,
});
const leaf = (name: string, ...foreignKeys: ReturnType<typeof reference>[]): DataModelTable => ({
  name,
  key: ["id"],
  columns: [
    { name: "id", type: "int" },
    { name: "annotation_id", type: "bigint unsigned" },
    { name: "finding", type: "varchar(100)" },
    { name: "at", type: "date" },
  ],
  foreignKeys,
});

it("holds the package's tables, and by default purges transactions and their boxes", () => {
  const model = DataModel.xray();
  expect(model.tables.map(({ name }) => name)).toEqual(["image", "transaction", "pred_bounding_box"]);
  expect(model.purgedBy()).toEqual(["transaction", "pred_bounding_box"]);
  expect(model.isXray).toBe(true);
});

it("purges the anchor and what references it, parents first, and nothing by default", () => {
  expect(slideRegistry.purgedBy([slides])).toEqual(["slide", "annotation", "review"]);
  expect(slideRegistry.purgedBy()).toEqual([]);
  expect(slideRegistry.isXray).toBe(false);
});

it("follows several parents, and several policies", () => {
  const model = changedRegistry((tables) => [
    leaf("aaa", reference("annotation", ["annotation_id"]), reference("tissue", ["finding"], ["code"])),
    leaf("visit"),
    ...tables,
  ]);
  expect(model.purgedBy([slides, { anchorTable: "visit", timeColumn: "at" }])).toEqual([
    "slide",
    "annotation",
    "aaa",
    "review",
    "visit",
  ]);
});

it.each<[string, DataModel, { anchorTable: string; timeColumn: string }[], string]>([
  [
    "an anchor that is not there",
    slideRegistry,
    [{ anchorTable: "scan", timeColumn: "at" }],
    'policy scan.at: the data model has no table "scan"; it has tissue, specimen, slide, annotation, review',
  ],
  [
    "a time column that is not there",
    slideRegistry,
    [{ anchorTable: "slide", timeColumn: "at" }],
    "policy slide.at: column at of table slide must be a DATE, DATETIME or TIMESTAMP, got no such column",
  ],
  [
    "a time column of another type",
    slideRegistry,
    [{ anchorTable: "slide", timeColumn: "stain" }],
    "policy slide.stain: column stain of table slide must be a DATE, DATETIME or TIMESTAMP, got enum('H&E','IHC','PAS')",
  ],
  [
    "an anchor without a key",
    registryWith("slide", () => ({ key: [] })),
    [slides],
    "policy slide.scanned_at: table slide has no key, so none of its rows can be purged",
  ],
  [
    "a descendant without a key",
    registryWith("review", () => ({ key: [] })),
    [slides],
    "policy slide.scanned_at: table review has no key, so none of its rows can be purged",
  ],
  [
    "a descendant that references itself",
    registryWith("annotation", ({ foreignKeys = [] }) => ({
      foreignKeys: [...foreignKeys, reference("annotation", ["annotation_id"])],
    })),
    [slides],
    "policy slide.scanned_at: the foreign keys of table annotation lead back to it, so no order of deletes is right",
  ],
  [
    "a cycle through the anchor",
    registryWith("slide", ({ foreignKeys = [] }) => ({
      foreignKeys: [...foreignKeys, reference("review", ["accession"], ["reviewer"])],
    })),
    [slides],
    "policy slide.scanned_at: the foreign keys of table slide lead back to it, so no order of deletes is right",
  ],
  [
    "a descendant that references no key",
    registryWith("review", () => ({ foreignKeys: [reference("annotation", ["reviewer"], ["finding"])] })),
    [slides],
    "policy slide.scanned_at: table review references another column than its parent's key, by which a purge finds its rows",
  ],
  [
    "a table that two policies reach",
    slideRegistry,
    [slides, { anchorTable: "review", timeColumn: "reviewed_at" }],
    "table review: policies slide.scanned_at and review.reviewed_at both reach it: rows of a table go by one policy",
  ],
])("refuses %s", (_, model, policies, message) => {
  expect(() => model.purgedBy(policies)).toThrow(new Error(message));
});
