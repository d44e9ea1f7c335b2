import type { Construct } from "constructs";
import { CloudwatchDashboard } from "@cdktf/provider-aws/lib/cloudwatch-dashboard";
import { Fn } from "cdktf";
import { keepNames } from "../common/kept-name";
import { physicalName } from "../common/physical-name";
import { ProvedBackupMetric } from "./proved-backup-metrics";

/** A metric of RDS and the value at which its alarm goes off. */
export interface WatchedMetric {
  /** Title of its graph. */
  readonly title: string;
  /** The metric's name. */
  readonly metricName: string;
  /** The value. */
  readonly threshold: number;
}

/** Contents of the dashboard. */
export interface DashboardProps {
  /** The region of metrics and alarms. */
  readonly region: string;
  /** The instance's name. */
  readonly instanceIdentifier: string;
  /** The alarms whose states are shown. */
  readonly alarmArns: string[];
  /** The metrics of the database. */
  readonly databaseMetrics: WatchedMetric[];
  /** Namespace of the proved backups' metrics. */
  readonly provedBackupNamespace: string;
}

type Metric = (string | Record<string, unknown>)[];

const DAY_SECONDS = 86_400;
const WIDTH = 24;

/**
 * The state of the data lake on one page: the alarms, the last proved backup with its age, and the database's load, over four weeks.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
 */
export function addDashboard(scope: Construct, props: DashboardProps): void {
  const { region, provedBackupNamespace: namespace } = props;
  const widget = (x: number, y: number, width: number, height: number, type: string, properties: object): object => ({
    x,
    y,
    width,
    height,
    type,
    properties,
  });
  const ofBackup = (name: ProvedBackupMetric, label: string, options: Record<string, unknown> = {}): Metric => [
    namespace,
    name,
    { label, stat: "Maximum", period: DAY_SECONDS, ...options },
  ];
  const rows = ofBackup(ProvedBackupMetric.ROWS, "rows");
  const bytes = ofBackup(ProvedBackupMetric.BYTES, "bytes", { yAxis: "right" });
  // The time of the last proof is carried on until the next one, and taken from the time of each point.
  const provedAt = ofBackup(ProvedBackupMetric.PROVED_AT, "time", { id: "proved", visible: false, period: 3600 });
  const last = "FILL(proved, REPEAT)";
  const age: Metric = [
    { id: "age", label: "days since the proof", expression: `(EPOCH(${last}) - ${last}) / ${DAY_SECONDS}` },
  ];
  const width = WIDTH / props.databaseMetrics.length;
  const widgets = [
    widget(0, 0, WIDTH, 2, "alarm", { title: "Alarms", alarms: props.alarmArns }),
    widget(0, 2, 8, 6, "metric", {
      title: "Last proved backup",
      region,
      view: "singleValue",
      metrics: [provedAt, age, rows, bytes],
    }),
    widget(8, 2, 8, 6, "metric", {
      title: "Age of the last proved backup",
      region,
      view: "timeSeries",
      metrics: [provedAt, age],
    }),
    widget(16, 2, 8, 6, "metric", {
      title: "Rows and bytes of each proved backup",
      region,
      view: "timeSeries",
      metrics: [rows, bytes],
    }),
    ...props.databaseMetrics.map(({ title, metricName, threshold }, index) =>
      widget(index * width, 8, width, 6, "metric", {
        title,
        region,
        view: "timeSeries",
        stat: "Average",
        period: 300,
        metrics: [["AWS/RDS", metricName, "DBInstanceIdentifier", props.instanceIdentifier]],
        annotations: { horizontal: [{ label: "alarm", value: threshold }] },
      }),
    ),
  ];
  const dashboard = new CloudwatchDashboard(scope, "Dashboard", {
    dashboardName: physicalName(scope, 255),
    dashboardBody: Fn.jsonencode({ start: "-P28D", periodOverride: "inherit", widgets }),
  });
  keepNames(dashboard, "dashboard_name");
}
