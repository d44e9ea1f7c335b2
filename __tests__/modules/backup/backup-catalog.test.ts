import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { BackupCatalogProps } from "../../../src/modules/backup/backup-catalog";
import { hiveType } from "../../../src/modules/backup/catalog-table";
import { BackupCatalog } from "../../../src/modules/backup/backup-catalog";
import { DataLakeBucket } from "../../../src/modules/storage/data-lake-bucket";
import { DataLakeKey } from "../../../src/modules/common/data-lake-key";
import { changedRegistry, registryWith, slideRegistry } from "../../support/slide-registry";
import { refusal, type SynthesizedStack, synthesize } from "../../support/synth";

const stack = synthesize((scope) => {
  const bucket = DataLakeBucket.fromBucketName(scope, "Lake", "lake");
  new BackupCatalog(scope, "Catalog", {
    bucket,
    encryptionKey: DataLakeKey.fromKeyArn(scope, "Key", "arn:aws:kms:eu-central-1:123456789012:key/1"),
  });
});
const table = (id: string) => stack.resource("aws_glue_catalog_table", `Catalog_${id}`);

it("has a table for each table and kind of backup, the manifests and the view", () => {
  expect(stack.ids("aws_glue_catalog_table")).toEqual(
    [
      "archive_image",
      "archive_pred_bounding_box",
      "archive_transaction",
      "detections",
      "manifests",
      "snapshot_image",
      "snapshot_pred_bounding_box",
      "snapshot_transaction",
    ].map((id) => `Catalog_${id}`),
  );
});

it("projects the dates of a table's folders, each day since the first version of the package", () => {
  const { parameters } = table("snapshot_transaction");
  for (const parameter of ['enabled" = "true"', 'run_date.type" = "date"', 'run_date.range" = "2026-11-01,NOW"']) {
    expect(parameters).toContain(`"projection.${parameter}`);
  }
  expect(String(parameters)).not.toContain("interval");
  expect(table("snapshot_transaction")).toMatchObject({
    name: "snapshot_transaction",
    table_type: "EXTERNAL_TABLE",
    partition_keys: [{ name: "run_date", type: "string" }],
    storage_descriptor: {
      location: "s3://lake/backup/v1/snapshot/transaction/",
      columns: [
        { name: "transaction_id", type: "int" },
        { name: "image_id", type: "int" },
        { name: "time", type: "timestamp" },
        { name: "cs_thr", type: "decimal(4,3)" },
        { name: "nms_thr", type: "decimal(4,3)" },
      ],
    },
  });
});

it("projects the dates since the first backup, where that is told", () => {
  const told = synthesize((scope) => {
    const bucket = DataLakeBucket.fromBucketName(scope, "Lake", "lake");
    new BackupCatalog(scope, "Catalog", { bucket, firstBackupDate: "2027-02-28" });
  });
  const projected = told
    .ids("aws_glue_catalog_table")
    .map((id) => String(told.resource("aws_glue_catalog_table", id).parameters))
    .filter((parameters) => parameters.includes("projection"));
  expect(projected).toHaveLength(6);
  for (const parameters of projected) expect(parameters).toContain('"projection.run_date.range" = "2027-02-28,NOW"');
});

// https://docs.aws.amazon.com/athena/latest/ug/tables-location-format.html
it("has no location with a leading underscore, and warns of one that its props make", () => {
  expect(table("manifests").storage_descriptor).toMatchObject({ location: "s3://lake/backup/v1/catalog/" });
  const locations = [...stack.text.matchAll(/"location": "s3:\/\/lake\/([^"]+)"/g)].map(([, location]) => location);
  expect(locations).toHaveLength(7);
  for (const location of locations) expect(location).not.toMatch(/(^|\/)[_.]/);
  expect(stack.warnings).toEqual([]);
  const { warnings } = synthesize((scope) => {
    const bucket = DataLakeBucket.fromBucketName(scope, "Lake", "lake");
    const dataModel = changedRegistry((tables) => [
      ...tables,
      { name: "_audit", key: ["id"], columns: [{ name: "id", type: "int" }] },
    ]);
    new BackupCatalog(scope, "Catalog", { bucket, dataModel });
  });
  expect(warnings).toEqual(
    ["snapshot", "archive"].map(
      (kind) =>
        `Athena reads nothing in backup/v1/${kind}/_audit, because a name in it begins with "_" or ".": choose another backupPrefix, or leave the table out`,
    ),
  );
});

it("defines the view as Athena stores one, each column once", () => {
  const view = table("detections");
  const encoded = /^\/\* Presto View: (\S+) \*\/$/.exec(String(view.view_original_text))?.[1] ?? "";
  const definition = JSON.parse(Buffer.from(encoded, "base64").toString()) as {
    originalSql: string;
    schema: string;
    columns: { name: string; type: string }[];
  };
  expect(definition.schema).toBe("test_catalog");
  expect(definition.columns.map(({ name }) => name)).toEqual([
    "image_id",
    "bucket",
    "folder",
    "image_file",
    "transaction_id",
    "time",
    "cs_thr",
    "nms_thr",
    "pred_bbox_id",
    "pred_class",
    "pred_cs",
    "x_min",
    "y_min",
    "x_max",
    "y_max",
  ]);
  expect(definition.originalSql).toContain("LEFT JOIN pred_bounding_box_rows");
});

// A day of a projected table is one LIST; so is a scan of the manifests, up to 1,000 backups.
it("asks S3 as often as the page says", () => {
  const [, encoded = ""] = /Presto View: (\S+)/.exec(String(table("detections").view_original_text)) ?? [];
  const { originalSql } = JSON.parse(Buffer.from(encoded, "base64").toString()) as { originalSql: string };
  const count = (pattern: RegExp) => [...originalSql.matchAll(pattern)].length;
  // Athena puts the query `committed` in each place that names it.
  const scans = count(/FROM manifests/g) * count(/JOIN committed/g);
  const perDay = count(/FROM (snapshot|archive)_\w+/g);
  expect([perDay, scans]).toEqual([6, 12]);
  const page = readFileSync(join(__dirname, "../../../docs/modules/backup-catalog.md"), "utf8");
  const row = (first: string) => page.split("\n").find((line) => line.startsWith(`| ${first}`)) ?? "";
  const cells = (first: string) =>
    row(first)
      .split("|")
      .slice(3, -1)
      .map((cell) => Number(cell.replaceAll(",", "")));
  const years = [1, 2, 5].map((year) => year * 365);
  expect(cells("a table, one `run_date`")).toEqual(years.map(() => 1));
  expect(cells("a table, every day")).toEqual(years);
  expect(cells("`manifests`")).toEqual(years.map(() => 1));
  expect(cells("`detections`")).toEqual(years.map((days) => perDay * days + scans));
});

it("lets no query read more than 10 GiB, and encrypts what it finds", () => {
  expect(stack.resource("aws_athena_workgroup")).toMatchObject({
    name: "test-catalog",
    configuration: {
      enforce_workgroup_configuration: true,
      bytes_scanned_cutoff_per_query: 10 * 1024 ** 3,
      result_configuration: {
        output_location: "s3://lake/athena-results/",
        encryption_configuration: {
          encryption_option: "SSE_KMS",
          kms_key_arn: "arn:aws:kms:eu-central-1:123456789012:key/1",
        },
      },
    },
  });
});

// Athena refuses to delete a workgroup in which a query has run.
it.each([undefined, false, true])(
  "with forceDestroy %s, a destroy takes the queries along only then",
  (forceDestroy) => {
    const { text } = synthesize((scope) => {
      new BackupCatalog(scope, "Catalog", {
        bucket: DataLakeBucket.fromBucketName(scope, "Lake", "lake"),
        forceDestroy,
      });
    });
    expect(text.includes('"force_destroy": true')).toBe(forceDestroy === true);
  },
);

it.each<[Partial<BackupCatalogProps>, string]>([
  [{ bytesScannedCutoffGib: 0 }, "bytesScannedCutoffGib must be a whole number from 1 to 1024, got 0"],
  [
    { dataModel: "data-model.json" as never },
    'dataModel must be a data model, as DataModel.fromFile(…) gives it, got "data-model.json"',
  ],
  [{ firstBackupDate: "2027-02-29" }, 'firstBackupDate must be a day such as "2026-11-01", got "2027-02-29"'],
  [{ firstBackupDate: "NOW-1YEARS" }, 'firstBackupDate must be a day such as "2026-11-01", got "NOW-1YEARS"'],
  [{ databaseName: "x-ray" }, 'databaseName must be 1 to 128 lower-case letters, digits and underscores, got "x-ray"'],
])("refuses %j", (props, message) => {
  const refused = refusal((scope) => {
    new BackupCatalog(scope, "Catalog", { bucket: DataLakeBucket.fromBucketName(scope, "Lake", "lake"), ...props });
  });
  expect(refused).toBe(`test/Catalog: ${message}`);
});

describe("of another data model", () => {
  const catalogOf = (dataModel: BackupCatalogProps["dataModel"]) =>
    synthesize((scope) => {
      new BackupCatalog(scope, "Catalog", { bucket: DataLakeBucket.fromBucketName(scope, "Lake", "lake"), dataModel });
    });
  const block = (of: SynthesizedStack, id: string) =>
    of.resource("aws_glue_catalog_table", `Catalog_${id}`) as {
      name: string;
      view_original_text: string;
      storage_descriptor: { location: string; columns: { name: string; type: string }[] };
    };
  const viewOf = (of: SynthesizedStack, id: string) => {
    const [, encoded = ""] = /^\/\* Presto View: (\S+) \*\/$/.exec(block(of, id).view_original_text) ?? [];
    return JSON.parse(Buffer.from(encoded, "base64").toString()) as {
      originalSql: string;
      columns: { name: string; type: string }[];
    };
  };
  const registry = catalogOf(slideRegistry);

  it("has a table for each kind of backup, and a view of the newest rows", () => {
    const names = ["annotation", "review", "slide", "specimen", "tissue"];
    expect(registry.ids("aws_glue_catalog_table")).toEqual(
      [
        ...names.map((name) => `archive_${name}`),
        ...names.map((name) => `latest_${name}`),
        "manifests",
        ...names.map((name) => `snapshot_${name}`),
      ].map((id) => `Catalog_${id}`),
    );
    expect(registry.warnings).toEqual([]);
  });

  it("takes the newest copy of each row by its whole key", () => {
    expect(viewOf(registry, "latest_slide").originalSql).toContain('PARTITION BY "accession", "slide_no" ORDER BY');
    expect(viewOf(registry, "latest_slide").originalSql).toContain("FROM archive_slide AS copy");
    expect(viewOf(registry, "latest_slide").columns).toEqual([
      { name: "accession", type: "varchar" },
      { name: "slide_no", type: "integer" },
      { name: "stain", type: "varchar" },
      { name: "object_key", type: "varchar" },
      { name: "scanned_at", type: "timestamp" },
      { name: "scanner", type: "varchar" },
    ]);
  });

  it("takes the newest snapshot alone for a table without a key", () => {
    const { originalSql } = viewOf(catalogOf(registryWith("tissue", () => ({ key: [] }))), "latest_tissue");
    expect(originalSql).toContain("FROM snapshot_tissue AS copy");
    expect(originalSql).not.toMatch(/archive_tissue|PARTITION/);
  });

  it("writes names as Athena takes them, and leaves out what it cannot find", () => {
    const columns = ["Ärztin", "Titel", "Run_Date", "id"].map((name) => ({ name, type: "varchar(9)" }));
    const named = (...names: string[]) =>
      changedRegistry((tables) => [
        ...tables,
        ...names.map((name) => ({ name, key: ["Titel"], columns: [...columns] })),
      ]);
    const stack = catalogOf(named("Öl-Bild"));
    expect(block(stack, "snapshot__l_bild").storage_descriptor).toMatchObject({
      location: "s3://lake/backup/v1/snapshot/Öl-Bild/",
      columns: [
        { name: "titel", type: "string" },
        { name: "id", type: "string" },
      ],
    });
    expect(viewOf(stack, "latest__l_bild").originalSql).toContain('PARTITION BY "titel"');
    expect(stack.warnings).toEqual([
      'column "Ärztin" of table "Öl-Bild" is in the backups, but not in the catalog: Athena takes letters, digits and underscores',
      'column "Run_Date" of table "Öl-Bild" is in the backups, but not in the catalog: the partition of a backup has that name',
    ]);
    expect(() => catalogOf(named("a-b", "a_b"))).toThrow(
      'test/Catalog: tables "a-b" and "a_b" are both a_b in Athena, which takes lower-case letters, digits and underscores',
    );
  });
});

it.each([
  ["tinyint", "tinyint"],
  ["tinyint unsigned", "int"],
  ["smallint", "smallint"],
  ["smallint unsigned", "int"],
  ["mediumint unsigned", "int"],
  ["int unsigned", "bigint"],
  ["bigint", "bigint"],
  ["bigint unsigned", "decimal(20,0)"],
  ["decimal(38,10)", "decimal(38,10)"],
  ["decimal(39,10)", "string"],
  ["float", "float"],
  ["double unsigned", "double"],
  ["bit(1)", "bigint"],
  ["bit(64)", "decimal(20,0)"],
  ["date", "date"],
  ["time(6)", "string"],
  ["year", "smallint"],
  ["timestamp(6)", "timestamp"],
  ["char(3)", "string"],
  ["longtext", "string"],
  ["enum('a','b')", "string"],
  ["set('a')", "string"],
  ["json", "string"],
  ["binary(16)", "binary"],
  ["mediumblob", "binary"],
  ["multipolygon", "binary"],
])("%s is %s in Athena", (type, athena) => expect(hiveType(type)).toBe(athena));
