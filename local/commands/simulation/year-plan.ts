/** Events of a year of use. Weeks count from 1. */
export interface YearPlan {
  readonly weeks: number;
  /** Predictions per day, seven days a week; a third of them are of a new image. */
  readonly perDay: number;
  /** Older predictions are archived, each week, and purged. */
  readonly retentionDays: number;
  /** A purge ends each of these. */
  readonly purgeEveryWeeks: number;
  /** A restore drill ends each of these. */
  readonly drillEveryWeeks: number;
  /** At the end of which week the schema's Terraform state is lost, and deployed again. */
  readonly lostState: number;
  /** At the end of which week a new migration is deployed. */
  readonly migration: number;
  /** In which week the database server restarts, while both users work. */
  readonly mysqlRestart: number;
  /** In which week the AWS emulator restarts, while both users work. */
  readonly emulatorRestart: number;
}

/** 52 weeks. */
export const FULL_YEAR: YearPlan = {
  weeks: 52,
  perDay: 43,
  retentionDays: 90,
  purgeEveryWeeks: 4,
  drillEveryWeeks: 13,
  lostState: 20,
  migration: 30,
  mysqlRestart: 24,
  emulatorRestart: 34,
};

/** All that a year has, in five weeks; the last week's archive is left waiting for a purge. */
export const SHORT_YEAR: YearPlan = {
  weeks: 5,
  perDay: 12,
  retentionDays: 14,
  purgeEveryWeeks: 4,
  drillEveryWeeks: 5,
  lostState: 1,
  migration: 2,
  mysqlRestart: 3,
  emulatorRestart: 4,
};

const DAY = 86_400_000;

/** The simulated clock: the last week ends when today begins, in UTC. */
export class Calendar {
  private readonly end: number;

  constructor(
    private readonly plan: YearPlan,
    now = new Date(),
  ) {
    this.end = Math.floor(now.getTime() / DAY) * DAY;
  }

  /** First day of a week, `YYYY-MM-DD`. */
  firstDay(week: number): string {
    return this.date(this.end - (this.plan.weeks - week + 1) * 7 * DAY);
  }

  /** The day on which a week is over, `YYYY-MM-DD`. */
  dayAfter(week: number): string {
    return this.firstDay(week + 1);
  }

  /** Age on the real clock, in days, of what has the plan's retention at the end of a week. */
  olderThanDays(week: number): number {
    return this.plan.retentionDays + (this.plan.weeks - week) * 7;
  }

  private date(time: number): string {
    return new Date(time).toISOString().slice(0, 10);
  }
}
