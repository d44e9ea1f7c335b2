import { Construct } from "constructs";
import { Annotations, Op, Token } from "cdktf";
import { AthenaWorkgroup } from "@cdktf/provider-aws/lib/athena-workgroup";
import { GlueCatalogDatabase } from "@cdktf/provider-aws/lib/glue-catalog-database";
import { GlueCatalogTable } from "@cdktf/provider-aws/lib/glue-catalog-table";
import { checkConstructProps } from "../common/construct-props";
import { type AwsConstructProps, applyAwsProps } from "../common/aws-provider";
import { checkInteger, checkPattern } from "../common/checks";
import type { IBackupBucket } from "../storage/bucket-base";
import type { IDataLakeBucket } from "../storage/data-lake-bucket";
import type { IDataLakeKey } from "../common/data-lake-key";
import { type ArchivePolicyProps, type DataModel, dataModelOf } from "../common/data-model";
import { storeFolders } from "../common/job-contract";
import { ATHENA_RESULTS_PREFIX } from "../storage/data-lake-lifecycle";
import { type CatalogTable, catalogTables, hiveType, RUN_DATE, trinoType } from "./catalog-table";
import { detectionsColumns, detectionsSql, latestSql } from "./catalog-views";
import { mapExpression } from "../common/expression";
import { keepNames } from "../common/kept-name";
import { physicalName } from "../common/physical-name";
import { ValidationError } from "../common/validation-error";

/** Properties of {@link BackupCatalog}. */
export interface BackupCatalogProps extends AwsConstructProps, Pick<ArchivePolicyProps, "dataModel"> {
  /** The data lake's bucket: results of queries go there, below `athena-results`, for 30 days. */
  readonly bucket: IDataLakeBucket;
  /**
   * The bucket of the backups.
   * @default - `bucket`
   */
  readonly backupBucket?: IBackupBucket;
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
   * The day of the first backup, in UTC, or an earlier one: queries see none of before. Athena lists a folder for each
   * day since then, so a day that is too early costs time.
   * @default "2026-11-01" - the month of the package's first version, of which no backup is older
   */
  readonly firstBackupDate?: string;
  /**
   * Deletes the history of queries and the saved ones on destroy; without it Athena refuses to delete a
   * workgroup that was used.
   * @default false
   */
  readonly forceDestroy?: boolean;
}

const GIB = 1024 ** 3;
const FIRST_BACKUP_DATE = "2026-11-01";
const KINDS = ["snapshot", "archive"] as const;
const HIVE_IO = "org.apache.hadoop.hive.ql.io";
const VIEW_COMMENT = "Presto View";

/** The fields of a line that a backup has in the catalog's folder. */
const MANIFEST_COLUMNS = ["kind", "slot", "run_id", "cutoff", "verified_at"].map((name) => ({ name, type: "string" }));

/**
 * The backups as tables for Athena: `snapshot_<table>` and `archive_<table>` over the Parquet files, `manifests` over what
 * was committed, and views: `detections` for the X-ray data model, `latest_<table>` for another. Dates are projected, so
 * that nothing has to crawl or add partitions.
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
  private readonly projectedDates: string;

  constructor(scope: Construct, id: string, props: BackupCatalogProps) {
    super(scope, id);
    applyAwsProps(this, props);
    checkConstructProps(this, props, ["bucket"], ["backupBucket", "encryptionKey"]);
    const { bucket, backupBucket = bucket } = props;
    const name = props.databaseName ?? physicalName(this, 128).replaceAll("-", "_");
    checkPattern(
      this,
      "databaseName",
      name,
      /^[a-z0-9_]{1,128}$/,
      "1 to 128 lower-case letters, digits and underscores",
    );
    checkInteger(this, "bytesScannedCutoffGib", props.bytesScannedCutoffGib, 1, 1024);

    this.checkFirstBackupDate(props.firstBackupDate);
    this.projectedDates = `${props.firstBackupDate ?? FIRST_BACKUP_DATE},NOW`;
    this.bucketUrl = `s3://${backupBucket.bucketName}`;
    const folders = storeFolders(backupBucket.backupPrefix);
    this.resource = new GlueCatalogDatabase(this, "Resource", { name, description: "Backups of the metadata" });
    this.databaseName = this.resource.name;
    const model = dataModelOf(this, props);
    const tables = catalogTables(this, model.tables);
    for (const kind of KINDS) for (const table of tables) this.addBackupTable(kind, folders[kind], table);
    this.addManifests(folders.catalog);
    if (model.isXray) this.addDetections(model, name);
    else for (const table of tables) this.addView(`latest_${table.name}`, name, table.columns, latestSql(table));
    this.workgroupName = this.addWorkgroup(props);
  }

  private addBackupTable(kind: string, folder: string, table: CatalogTable): void {
    const name = `${kind}_${table.name}`;
    new GlueCatalogTable(this, name, {
      name,
      databaseName: this.databaseName,
      tableType: "EXTERNAL_TABLE",
      partitionKeys: [{ name: RUN_DATE, type: "string" }],
      // A partition is below the table's location as run_date=<date>, which is where Athena looks without a template.
      parameters: mapExpression({
        EXTERNAL: "TRUE",
        classification: "parquet",
        "projection.enabled": "true",
        "projection.run_date.type": "date",
        "projection.run_date.format": "yyyy-MM-dd",
        "projection.run_date.range": this.projectedDates,
      }),
      storageDescriptor: {
        location: this.location(`${folder}/${table.folder}`),
        inputFormat: `${HIVE_IO}.parquet.MapredParquetInputFormat`,
        outputFormat: `${HIVE_IO}.parquet.MapredParquetOutputFormat`,
        serDeInfo: { serializationLibrary: `${HIVE_IO}.parquet.serde.ParquetHiveSerDe` },
        columns: [...table.columns],
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
        location: this.location(folder),
        inputFormat: "org.apache.hadoop.mapred.TextInputFormat",
        outputFormat: `${HIVE_IO}.HiveIgnoreKeyTextOutputFormat`,
        serDeInfo: { serializationLibrary: "org.openx.data.jsonserde.JsonSerDe" },
        columns: MANIFEST_COLUMNS,
      },
    });
  }

  private checkFirstBackupDate(date: string | undefined): void {
    if (date === undefined || Token.isUnresolved(date)) return;
    if (/^\d{4}-\d\d-\d\d$/.test(date) && new Date(`${date}T00:00Z`).toJSON()?.startsWith(date)) return;
    throw new ValidationError(
      this,
      `firstBackupDate must be a day such as "${FIRST_BACKUP_DATE}", got ${JSON.stringify(date)}`,
    );
  }

  /** Athena's address of a folder. */
  private location(folder: string): string {
    if (/(^|\/)[_.]/.test(folder)) {
      Annotations.of(this).addWarning(
        `Athena reads nothing in ${folder}, because a name in it begins with "_" or ".": choose another backupPrefix, or leave the table out`,
      );
    }
    return `${this.bucketUrl}/${folder}/`;
  }

  private addDetections(model: DataModel, schema: string): void {
    const columns = detectionsColumns(model.tables).map(({ name, type }) => ({ name, type: hiveType(type) }));
    this.addView("detections", schema, columns, detectionsSql(model.tables));
  }

  /** A view as Athena itself stores one: its definition, base64, in a comment. */
  private addView(name: string, schema: string, columns: CatalogTable["columns"], originalSql: string): void {
    const definition = {
      originalSql,
      catalog: "awsdatacatalog",
      schema,
      columns: columns.map((column) => ({ name: column.name, type: trinoType(column.type) })),
    };
    const encoded = Buffer.from(JSON.stringify(definition)).toString("base64");
    new GlueCatalogTable(this, name, {
      name,
      databaseName: this.databaseName,
      tableType: "VIRTUAL_VIEW",
      parameters: { presto_view: "true", comment: VIEW_COMMENT },
      viewOriginalText: `/* ${VIEW_COMMENT}: ${encoded} */`,
      viewExpandedText: `/* ${VIEW_COMMENT} */`,
      // Athena reads nothing of it; left empty, the provider would find a difference at each plan.
      storageDescriptor: { columns: [...columns], serDeInfo: { name: "-", serializationLibrary: "-" } },
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
