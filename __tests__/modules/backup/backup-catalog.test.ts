import type { BackupCatalogProps } from "../../../src/modules/backup/backup-catalog";
import { BackupCatalog } from "../../../src/modules/backup/backup-catalog";
import { DataLakeBucket } from "../../../src/modules/storage/data-lake-bucket";
import { DataLakeKey } from "../../../src/modules/common/data-lake-key";
import { refusal, synthesize } from "../../support/synth";

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

it("projects the dates of a table's folders", () => {
  const { parameters } = table("snapshot_transaction");
  for (const parameter of ['enabled" = "true"', 'run_date.type" = "date"', 'run_date.range" = "2020-01-01,NOW"']) {
    expect(parameters).toContain(`"projection.${parameter}`);
  }
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
  [{ databaseName: "x-ray" }, 'databaseName must be 1 to 128 lower-case letters, digits and underscores, got "x-ray"'],
])("refuses %j", (props, message) => {
  const refused = refusal((scope) => {
    new BackupCatalog(scope, "Catalog", { bucket: DataLakeBucket.fromBucketName(scope, "Lake", "lake"), ...props });
  });
  expect(refused).toBe(`test/Catalog: ${message}`);
});
