import type { CloudwatchEventTargetInputTransformer } from "@cdktf/provider-aws/lib/cloudwatch-event-target";

/** A page of the runbook that an alarm names. */
export type RunbookPage = "backup-failed" | "database-load" | "no-proved-backup" | "purge-or-restore-failed";

/** The sentence that a message begins with, and the page that says what to do. */
export interface AlarmMessage {
  /** The sentence. */
  readonly alarm: string;
  /** Address of the page. */
  readonly runbook: string;
}

/** The text of a CloudWatch alarm, which its mail shows as "Description". */
export function alarmDescription({ alarm, runbook }: AlarmMessage): string {
  return `${alarm} Runbook: ${runbook}`;
}

/** Message of a job run that did not succeed. `error` is the run's error message; that of these jobs is one line. */
export function jobRunTransformer(message: AlarmMessage): CloudwatchEventTargetInputTransformer {
  return transformer(message, {
    state: "$.detail.state",
    job: "$.detail.jobName",
    run: "$.detail.jobRunId",
    error: "$.detail.message",
  });
}

/** Message of an event of the database instance. */
export function databaseEventTransformer(message: AlarmMessage): CloudwatchEventTargetInputTransformer {
  return transformer(message, {
    database: "$.detail.SourceIdentifier",
    event: "$.detail.Message",
    categories: "$.detail.EventCategories",
  });
}

/**
 * A JSON template, each placeholder the whole value of a key: there EventBridge writes the value as JSON, so that no quote and
 * no line break in it can break the message. In a text it would put it in as it is.
 *
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
 */
function transformer(
  { alarm, runbook }: AlarmMessage,
  inputPaths: Record<string, string>,
): CloudwatchEventTargetInputTransformer {
  const entries = [
    ["alarm", JSON.stringify(alarm)],
    ...Object.keys(inputPaths).map((name) => [name, `<${name}>`]),
    ["runbook", JSON.stringify(runbook)],
  ];
  return { inputPaths, inputTemplate: `{${entries.map(([name, value]) => `"${name}": ${value}`).join(", ")}}` };
}
