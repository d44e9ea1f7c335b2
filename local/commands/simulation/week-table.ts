import { newTable, right } from "../../tools/table";
import type { Week } from "./played-year";

/** The weeks of a year, one line each. */
export function weekTable(weeks: Week[]): string {
  const heads = ["Week", "From", "Predictions", "In database", "Archived", "Snapshot MB", "Seconds", "Besides"];
  const table = newTable(heads, 15);
  for (const week of weeks) {
    const seconds = Object.values(week.seconds).reduce((sum, one) => sum + one, 0);
    table.push([
      right(String(week.week)),
      week.first,
      right(String(week.predictions)),
      right(String(week.rowsInDatabase)),
      right(String(week.archiveRows)),
      right((week.snapshotBytes / 1e6).toFixed(1)),
      right(seconds.toFixed(1)),
      week.events.join("\n"),
    ]);
  }
  return table.toString();
}
