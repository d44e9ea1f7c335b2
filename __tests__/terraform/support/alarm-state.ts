import { callAws } from "../../support/emulator-calls";

/** An alarm as CloudWatch describes it. */
export interface MetricAlarm {
  readonly AlarmName: string;
  readonly AlarmDescription: string;
  readonly AlarmActions: string[];
  readonly OKActions: string[];
  readonly Namespace: string;
  readonly MetricName: string;
  readonly Dimensions?: { Name: string; Value: string }[];
  readonly Statistic: "Average" | "Sum";
  readonly ComparisonOperator: string;
  readonly Threshold: number;
  readonly Period: number;
  readonly EvaluationPeriods: number;
  readonly TreatMissingData: string;
}

const COMPARISONS: Record<string, (value: number, threshold: number) => boolean> = {
  GreaterThanOrEqualToThreshold: (value, threshold) => value >= threshold,
  LessThanOrEqualToThreshold: (value, threshold) => value <= threshold,
  LessThanThreshold: (value, threshold) => value < threshold,
};

/**
 * The state of an alarm at a time, by CloudWatch's rule for an alarm that all its periods must trip. The emulator keeps alarms and
 * metrics, and brings them together never.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
 */
export async function alarmState(endpoint: string, alarm: MetricAlarm, at: Date): Promise<string> {
  const breaches: (boolean | undefined)[] = [];
  for (let n = 1; n <= alarm.EvaluationPeriods; n++) {
    const start = at.getTime() / 1000 - n * alarm.Period;
    const { Datapoints } = await callAws<{ Datapoints: { Average: number; Sum: number }[] }>(
      endpoint,
      "monitoring",
      "GetMetricStatistics",
      {
        Namespace: alarm.Namespace,
        MetricName: alarm.MetricName,
        Dimensions: alarm.Dimensions ?? [],
        StartTime: start,
        EndTime: start + alarm.Period,
        Period: alarm.Period,
        Statistics: [alarm.Statistic],
      },
    );
    const compare = COMPARISONS[alarm.ComparisonOperator];
    if (!compare) throw new Error(`comparison ${alarm.ComparisonOperator} is not known here`);
    const [datapoint] = Datapoints;
    if (datapoint) breaches.push(compare(datapoint[alarm.Statistic], alarm.Threshold));
    else breaches.push(alarm.TreatMissingData === "breaching" ? true : undefined);
  }
  if (breaches.every((breach) => breach === undefined)) return "INSUFFICIENT_DATA";
  return breaches.every((breach) => breach === true) ? "ALARM" : "OK";
}
