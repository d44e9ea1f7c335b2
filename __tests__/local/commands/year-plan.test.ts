import { Calendar, FULL_YEAR, SHORT_YEAR } from "../../../local/commands/simulation/year-plan";

const NOON = new Date("2026-11-25T12:34:56Z");

test("the last week of a year ends when today begins", () => {
  const calendar = new Calendar(FULL_YEAR, NOON);
  expect(calendar.firstDay(1)).toBe("2025-11-26");
  expect(calendar.firstDay(52)).toBe("2026-11-18");
  expect(calendar.dayAfter(52)).toBe("2026-11-25");
});

test("older than the retention, said at the end of a week, is as many days older today", () => {
  const calendar = new Calendar(FULL_YEAR, NOON);
  expect(calendar.olderThanDays(52)).toBe(90);
  expect(calendar.olderThanDays(16)).toBe(90 + 36 * 7);
});

test.each([FULL_YEAR, SHORT_YEAR])("everything happens in a year of $weeks weeks", (plan) => {
  const { weeks, purgeEveryWeeks, drillEveryWeeks, lostState, migration, mysqlRestart, emulatorRestart } = plan;
  expect(weeks % drillEveryWeeks).toBe(0);
  // A purge finds rows that were made within the play.
  expect(weeks - (weeks % purgeEveryWeeks)).toBeGreaterThan(plan.retentionDays / 7);
  for (const week of [lostState, migration, mysqlRestart, emulatorRestart]) {
    expect(week).toBeGreaterThanOrEqual(1);
    expect(week).toBeLessThanOrEqual(weeks);
  }
});
