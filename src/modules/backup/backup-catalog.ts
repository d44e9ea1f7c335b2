import { Construct } from "constructs";
import { Op, Token } from "cdktf";
import { AthenaWorkgroup } from "@cdktf/provider-aws/lib/athena-workgroup";
import { GlueCatalogDatabase } from "@cdktf/provider-aws/lib/glue-catalog-database";
import { GlueCatalogTable } from "@cdktf/provider-aws/lib/glue-catalog-table";
import { checkConstructProps } from "../common/construct-props";
import { type AwsConstructProps, applyAwsProps } from "../common/aws-provider";
import { checkInteger, checkPattern } from "../common/checks";
import type { IDataLakeBucket } from "../storage/data-lake-bucket";
import type { IDataLakeKey } from "../common/data-lake-key";
import type { DataModelTable } from "../common/data-model";
import { readDataModel } from "../common/data-model";
import { storeFolders } from "../common/job-contract";
import { ATHENA_RESULTS_PREFIX } from "../storage/data-lake-lifecycle";
import { detectionsColumns, detectionsSql } from "./detections-view";
import { mapExpression } from "../common/expression";
import { keepNames } from "../common/kept-name";
import { physicalName } from "../common/physical-name";

/** Properties of {@link BackupCatalog}. */
export interface BackupCatalogProps extends AwsConstructProps {
  /** The bucket that holds the backups; results of queries go there too, below `athena-results`, for 30 days. */
  readonly bucket: IDataLakeBucket;
  /**
   * The most that one query may read, GiB, 1 to 1,024; Athena bills by what is read.
   * @default 10
   */
  readonly bytesScannedCutoffGib?: number;
  /**
   * The catalog database's name: lower-case letters, digits and underscores.
   * @default - the construct's path
   */
  readonly databaseName?: string;
  /**
   * The key that results of queries are encrypted with.
   * @default - SSE-S3
   */
  readonly encryptionKey?: IDataLakeKey;
  /**
   * Deletes the history of queries and the saved ones on destroy; without it Athena refuses to delete a
   * workgroup that was used.
   * @default false
   */
  readonly forceDestroy?: boolean;
}

const GIB = 1024 ** 3;
const KINDS = ["snapshot", "archive"] as const;
const HIVE_IO = "org.apache.hadoop.hive.ql.io";
const VIEW_COMMENT = "Presto View";

/** The manifests' fields that queries need; their other fields are left unread. */
const MANIFEST_COLUMNS = ["kind", "slot", "run_id", "cutoff", "verified_at"].map((name) => ({ name, type: "string" }));

/**
 * The backups as tables for Athena: `snapshot_<table>` and `archive_<table>` over the Parquet files, `manifests` over what
 * was committed, and the view `detections`. Dates are projected, so that nothing has to crawl or add partitions.
 *
 * @see https://docs.aws.amazon.com/athena/latest/ug/partition-projection.html
 *
 * @example
 * new BackupCatalog(this, "Catalog", { bucket, encryptionKey: key });
 */
export class BackupCatalog extends Construct {
  /** The generated resource, for what this construct does not model. */
  readonly resource: GlueCatalogDatabase;
  /** The catalog database's name. */
  readonly databaseName: string;
  /** The Athena workgroup to query in. */
  readonly workgroupName: string;

  private readonly bucketUrl: string;

  constructor(scope: Construct, id: string, props: BackupCatalogProps) {
    super(scope, id);
    applyAwsProps(this, props);
    checkConstructProps(this, props, ["bucket"], ["encryptionKey"]);
    const { bucket } = props;
    const name = props.databaseName ?? physicalName(this, 128).replaceAll("-", "_");
    checkPattern(
      this,
      "databaseName",
      name,
      /^[a-z0-9_]{1,128}$/,
      "1 to 128 lower-case letters, digits and underscores",
    );
    checkInteger(this, "bytesScannedCutoffGib", props.bytesScannedCutoffGib, 1, 1024);

    this.bucketUrl = `s3://${bucket.bucketName}`;
    const folders = storeFolders(bucket.backupPrefix);
    this.resource = new GlueCatalogDatabase(this, "Resource", { name, description: "Backups of the metadata" });
    this.databaseName = this.resource.name;
    const tables = readDataModel();
    for (const kind of KINDS) for (const table of tables) this.addBackupTable(kind, folders[kind], table);
    this.addManifests(folders.manifests);
    this.addDetections(tables, name);
    this.workgroupName = this.addWorkgroup(props);
  }

  private addBackupTable(kind: string, folder: string, table: DataModelTable): void {
    const name = `${kind}_${table.name}`;
    const location = `${this.bucketUrl}/${folder}/${table.name}/`;
    new GlueCatalogTable(this, name, {
      name,
      databaseName: this.databaseName,
      tableType: "EXTERNAL_TABLE",
      partitionKeys: [{ name: "run_date", type: "string" }],
      // A partition is below the table's location as run_date=<date>, which is where Athena looks without a template.
      parameters: mapExpression({
        EXTERNAL: "TRUE",
        classification: "parquet",
        "projection.enabled": "true",
        "projection.run_date.type": "date",
        "projection.run_date.format": "yyyy-MM-dd",
        "projection.run_date.range": "2020-01-01,NOW",
      }),
      storageDescriptor: {
        location,
        inputFormat: `${HIVE_IO}.parquet.MapredParquetInputFormat`,
        outputFormat: `${HIVE_IO}.parquet.MapredParquetOutputFormat`,
        serDeInfo: { serializationLibrary: `${HIVE_IO}.parquet.serde.ParquetHiveSerDe` },
        columns: table.columns.map((column) => ({ name: column.name, type: hiveType(column.type) })),
      },
    });
  }

  private addManifests(folder: string): void {
    new GlueCatalogTable(this, "manifests", {
      name: "manifests",
      databaseName: this.databaseName,
      tableType: "EXTERNAL_TABLE",
      parameters: { EXTERNAL: "TRUE", classification: "json" },
      storageDescriptor: {
        location: `${this.bucketUrl}/${folder}/`,
        inputFormat: "org.apache.hadoop.mapred.TextInputFormat",
        outputFormat: `${HIVE_IO}.HiveIgnoreKeyTextOutputFormat`,
        serDeInfo: { serializationLibrary: "org.openx.data.jsonserde.JsonSerDe" },
        columns: MANIFEST_COLUMNS,
      },
    });
  }

  /** A view as Athena itself stores one: its definition, base64, in a comment. */
  private addDetections(tables: DataModelTable[], schema: string): void {
    const columns = detectionsColumns(tables).map(({ name, type }) => ({ name, type: hiveType(type) }));
    const definition = {
      originalSql: detectionsSql(tables),
      catalog: "awsdatacatalog",
      schema,
      columns: columns.map(({ name, type }) => ({ name, type: trinoType(type) })),
    };
    const encoded = Buffer.from(JSON.stringify(definition)).toString("base64");
    new GlueCatalogTable(this, "detections", {
      name: "detections",
      databaseName: this.databaseName,
      tableType: "VIRTUAL_VIEW",
      parameters: { presto_view: "true", comment: VIEW_COMMENT },
      viewOriginalText: `/* ${VIEW_COMMENT}: ${encoded} */`,
      viewExpandedText: `/* ${VIEW_COMMENT} */`,
      // Athena reads nothing of it; left empty, the provider would find a difference at each plan.
      storageDescriptor: { columns, serDeInfo: { name: "-", serializationLibrary: "-" } },
    });
  }

  private addWorkgroup({ bucket, bytesScannedCutoffGib, encryptionKey, forceDestroy }: BackupCatalogProps): string {
    const workgroup = new AthenaWorkgroup(this, "Workgroup", {
      name: physicalName(this, 128),
      description: "Queries over the backups of the metadata",
      forceDestroy: forceDestroy ?? false,
      configuration: {
        enforceWorkgroupConfiguration: true,
        publishCloudwatchMetricsEnabled: true,
        bytesScannedCutoffPerQuery: gibToBytes(bytesScannedCutoffGib ?? 10),
        resultConfiguration: {
          outputLocation: `s3://${bucket.bucketName}/${ATHENA_RESULTS_PREFIX}/`,
          encryptionConfiguration: encryptionKey
            ? { encryptionOption: "SSE_KMS", kmsKeyArn: encryptionKey.keyArn }
            : { encryptionOption: "SSE_S3" },
        },
      },
    });
    keepNames(workgroup, "name");
    return workgroup.name;
  }
}

function gibToBytes(gib: number): number {
  return Token.isUnresolved(gib) ? Token.asNumber(Op.mul(gib, GIB)) : gib * GIB;
}

/** The type that a Parquet file of the backup has for a MySQL type. */
function hiveType(mysqlType: string): string {
  if (mysqlType.startsWith("varchar")) return "string";
  return mysqlType === "datetime" ? "timestamp" : mysqlType;
}

/** A view's own spelling of Hive's types. */
function trinoType(type: string): string {
  if (type === "string") return "varchar";
  return type === "int" ? "integer" : type;
}
