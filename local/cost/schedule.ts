const MONTH_NAMES = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAY_NAMES = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
/** Any year that is no leap year. */
const YEAR = 2027;

/** Runs a month, on average over a year, of a schedule `cron(minute hour day month weekday year)`. */
export function runsPerMonth(schedule: string): number {
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = schedule.slice("cron(".length).split(/\s+/);
  const months = valuesOf(month, 1, 12, MONTH_NAMES);
  const runsPerDay = valuesOf(minute, 0, 59).size * valuesOf(hour, 0, 23).size;
  // L, W and # name one day of a month.
  if (/[LW#]/.test(day + weekday.replace(/[A-Z]{3}/g, ""))) return (runsPerDay * months.size) / 12;
  const days = valuesOf(day, 1, 31);
  const weekdays = valuesOf(weekday, 1, 7, DAY_NAMES);
  const daysPerYear = Array.from({ length: 365 }, (_, index) => new Date(Date.UTC(YEAR, 0, 1 + index))).filter(
    (date) => months.has(date.getUTCMonth() + 1) && days.has(date.getUTCDate()) && weekdays.has(date.getUTCDay() + 1),
  ).length;
  return (runsPerDay * daysPerYear) / 12;
}

/** The values that a field of a cron expression names. */
function valuesOf(field: string, least: number, most: number, names: readonly string[] = []): Set<number> {
  const number = (text: string): number => (names.includes(text) ? names.indexOf(text) + least : Number(text));
  const all = Array.from({ length: most - least + 1 }, (_, index) => least + index);
  return new Set(
    field.split(",").flatMap((part) => {
      const [range = "", step] = part.split("/");
      const [first = "", last] = range.split("-");
      const from = first === "*" || first === "?" ? least : number(first);
      const alone = last === undefined && step === undefined && from === number(first);
      const to = last !== undefined ? number(last) : alone ? from : most;
      return all.filter((value) => value >= from && value <= to && (value - from) % Number(step ?? 1) === 0);
    }),
  );
}
