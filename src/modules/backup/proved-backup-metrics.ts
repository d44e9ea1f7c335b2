import type { Construct } from "constructs";
import { TerraformStack } from "cdktf";
import { CloudwatchLogMetricFilter } from "@cdktf/provider-aws/lib/cloudwatch-log-metric-filter";
import { provedSnapshotEvent } from "../common/job-contract";
import { keepNames } from "../common/kept-name";
import { physicalName } from "../common/physical-name";
import type { GlueDatabaseJob } from "./glue-database-job";

/** Metrics of the proved backups. */
export const ProvedBackupMetric = {
  /** One for each. */
  COUNT: "ProvedBackups",
  /** Rows of all tables. */
  ROWS: "ProvedRows",
  /** Bytes of all files. */
  BYTES: "ProvedBytes",
  /** Time of the proof by the database's clock, in seconds since 1970. */
  PROVED_AT: "ProvedAt",
} as const;
/** A value of {@link ProvedBackupMetric}. */
export type ProvedBackupMetric = (typeof ProvedBackupMetric)[keyof typeof ProvedBackupMetric];

/**
 * Metrics from the line that the backup job prints once it committed a snapshot: log metric filters, so that the job needs no
 * right and no endpoint for them.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForMetricFilters.html
 */
export class ProvedBackupMetrics {
  /** Namespace of the metrics: their names alone would be the same in each environment of an account. */
  readonly namespace: string;

  constructor(
    private readonly scope: Construct,
    private readonly backupJob: GlueDatabaseJob,
  ) {
    this.namespace = `XrayDataLake/${physicalName(scope, 200)}`;
    const { event, rows, bytes, provedAt } = provedSnapshotEvent();
    // Finds the line also where something stands before it: the alarm depends on this one. The others read the line as JSON.
    this.add(ProvedBackupMetric.COUNT, `"${event}"`, "1", "Count");
    for (const [metric, field, unit] of [
      [ProvedBackupMetric.ROWS, rows, "Count"],
      [ProvedBackupMetric.BYTES, bytes, "Bytes"],
      [ProvedBackupMetric.PROVED_AT, provedAt, "Seconds"],
    ] as const) {
      this.add(metric, `{ $.event = "${event}" && $.${field} = * }`, `$.${field}`, unit);
    }
  }

  private add(metric: ProvedBackupMetric, pattern: string, value: string, unit: string): void {
    const { resource, outputLogGroupName } = this.backupJob;
    const isOfThisStack = TerraformStack.of(this.backupJob) === TerraformStack.of(this.scope);
    const filter = new CloudwatchLogMetricFilter(this.scope, metric, {
      name: `${physicalName(this.scope, 200)}-${metric}`,
      logGroupName: outputLogGroupName,
      pattern,
      // Without a default value: it would turn each line that says something else into a data point.
      metricTransformation: { namespace: this.namespace, name: metric, value, unit },
      // The job's log groups exist before the job does.
      dependsOn: isOfThisStack ? [resource] : undefined,
    });
    keepNames(filter, "name");
  }
}
