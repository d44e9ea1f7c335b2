import { writeFileSync } from "node:fs";
import path from "node:path";
import { addMigration } from "../../environment/app-copy";
import { type ListedBackup, listedBackups } from "../../environment/backup-package";
import type { Step } from "../../tools/steps";
import { ToolError } from "../../tools/tool-error";
import { runWebApp } from "../../environment/web-app-double";
import type { Deployment } from "../../environment/deployment";
import type { YearPlan } from "./year-plan";
import { Calendar } from "./year-plan";

/** One week of the report. */
export interface Week {
  readonly week: number;
  /** Its first day. */
  readonly first: string;
  predictions: number;
  /** Rows in the three tables at its end. */
  rowsInDatabase: number;
  /** Bytes of the three tables' files, data and indexes. */
  databaseBytes: number;
  snapshotRows: number;
  snapshotBytes: number;
  archiveRows: number;
  archiveBytes: number;
  /** Of each thing that was done. */
  readonly seconds: Record<string, number>;
  /** Other events of the week. */
  readonly events: string[];
}

/** Findings of `usage.invariant`. */
export interface Finding {
  readonly committed: number;
  readonly in_database: number;
  readonly in_one_archive: number;
  readonly faults: Record<string, number>;
  readonly examples: string[];
}

const DRILL = "drill";
// An additive migration: the web app inserts by position, so that no column comes in.
const MIGRATION = `-- Made in the year of use.
CREATE TABLE finding_class (
  pred_class INT NOT NULL,
  name VARCHAR(100) NOT NULL,
  PRIMARY KEY (pred_class)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin;

CREATE INDEX pred_bounding_box_pred_class ON pred_bounding_box (pred_class);
`;

/** Plays a year of use on a deployment, week by week. */
export class PlayedYear {
  readonly weeks: Week[] = [];
  /** Events that the users met with, over all weeks. */
  readonly met: Record<string, number> = {};
  finding?: Finding;

  private readonly calendar: Calendar;
  private readonly folder: string;
  private readonly journal: string;

  constructor(
    private readonly deployment: Deployment,
    private readonly plan: YearPlan,
    private readonly seed: number,
  ) {
    this.calendar = new Calendar(plan);
    this.folder = deployment.project.folder;
    this.journal = path.join(this.folder, "journal.jsonl");
  }

  get steps(): Step[] {
    const weeks = Array.from({ length: this.plan.weeks }, (_, index) => index + 1);
    return [
      { title: "Begin the journal with the sample rows", run: () => this.begin() },
      ...weeks.map((week) => ({
        title: `Week ${week} (from ${this.calendar.firstDay(week)})`,
        run: (show: (line: string) => void) => this.playWeek(week, show),
      })),
      { title: "Verify every archive", run: (show) => this.verifyArchives(show) },
      { title: "Hold the journal against database and archives", run: () => this.check() },
    ];
  }

  private async begin(): Promise<undefined> {
    await this.invariant("--start");
    return undefined;
  }

  private async playWeek(week: number, show: (line: string) => void): Promise<string> {
    const record: Week = {
      week,
      first: this.calendar.firstDay(week),
      predictions: 0,
      rowsInDatabase: 0,
      databaseBytes: 0,
      snapshotRows: 0,
      snapshotBytes: 0,
      archiveRows: 0,
      archiveBytes: 0,
      seconds: {},
      events: [],
    };
    this.weeks.push(record);
    const timed = async (name: string, run: () => Promise<unknown>): Promise<void> => {
      const start = Date.now();
      await run();
      record.seconds[name] = (record.seconds[name] ?? 0) + (Date.now() - start) / 1000;
    };
    const { plan } = this;
    const purges = week % plan.purgeEveryWeeks === 0;
    await timed("uploads", () => this.upload(record, show));
    await timed("backup", () => this.backUp(week, show));
    if (purges) {
      await timed("purge", () => this.purge(week, show));
      record.events.push("purge");
    }
    if (week % plan.drillEveryWeeks === 0) {
      await timed("drill", () => this.drill(show));
      record.events.push("restore drill");
    }
    if (week === plan.lostState) {
      await timed("schema", () => this.loseState(show));
      record.events.push("lost state");
    }
    if (week === plan.migration) {
      await timed("schema", () => this.migrate(show));
      record.events.push("migration");
    }
    await this.measure(record);
    const events = record.events.length > 0 ? `; ${record.events.join(", ")}` : "";
    return `${record.predictions} predictions, ${record.rowsInDatabase} rows in the database${events}`;
  }

  private async upload(record: Week, show: (line: string) => void): Promise<void> {
    const { week } = record;
    let restart: Promise<void> | undefined;
    const onLine = (line: string): void => {
      show(line);
      if (!line.startsWith("Wednesday")) return;
      if (week === this.plan.mysqlRestart) restart = this.restartMysql(record);
      if (week === this.plan.emulatorRestart) restart = this.restartEmulator(record);
    };
    const days = ["--earliest", this.calendar.firstDay(1), "--first", this.calendar.firstDay(week)];
    const draw = ["--per-day", String(this.plan.perDay), "--seed", String(this.seed)];
    const files = ["--target", this.deployment.target, "--journal", this.journal];
    const { stdout } = await runWebApp("usage.uploads", [...files, ...days, ...draw], { onLine });
    await restart;
    const counts = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "{}") as Record<string, number>;
    record.predictions = counts["predictions"] ?? 0;
    for (const [name, count] of Object.entries(counts)) this.met[name] = (this.met[name] ?? 0) + count;
  }

  private async restartMysql(record: Week): Promise<void> {
    const restarted = await this.deployment.restartMysql();
    record.events.push(restarted ? "database restart" : "no database restart: the server of MYSQL_URL is not ours");
  }

  private async restartEmulator(record: Week): Promise<void> {
    await this.deployment.restartEmulator();
    record.events.push("emulator restart");
  }

  private async backUp(week: number, show: (line: string) => void): Promise<void> {
    const older = ["--archive-older-than-days", String(this.calendar.olderThanDays(week))];
    await this.deployment.runBackup("backup", "xray_backup", ["--run-slot", this.calendar.dayAfter(week), ...older], {
      onLine: show,
    });
  }

  private async purge(week: number, show: (line: string) => void): Promise<void> {
    const older = ["--older-than-days", String(this.calendar.olderThanDays(week)), "--mode", "execute"];
    await this.deployment.runBackup("purge", "xray_purge", older, { onLine: show });
  }

  /** Restores the newest snapshot and every archive beside the live schema, and looks for every row of the journal. */
  private async drill(show: (line: string) => void): Promise<void> {
    await this.deployment.administer(
      `GRANT CREATE, CREATE VIEW, ALTER, REFERENCES, SELECT, INSERT ON ${DRILL}.* TO xray_restore@'%'`,
    );
    const backups = ["latest", ...(await this.archives())].join(",");
    const restore = ["--backups", backups, "--target-schema", DRILL, "--mode", "execute"];
    await this.deployment.runBackup("restore", "xray_restore", restore, { onLine: show });
    const finding = await this.invariant("--restored", DRILL);
    await this.deployment.administer(`DROP DATABASE ${DRILL}`);
    hold(finding, "the restore drill");
  }

  private async loseState(show: (line: string) => void): Promise<void> {
    const before = await this.ledger();
    this.deployment.loseSchemaState();
    await this.deployment.deploySchema(show);
    if ((await this.ledger()) !== before) throw new Error("a deploy without a state changed the ledger of migrations");
  }

  private async migrate(show: (line: string) => void): Promise<void> {
    await addMigration(this.deployment.project.folder, "add_finding_class", MIGRATION);
    await this.deployment.deploySchema(show);
    await this.deployment.administer("SELECT name FROM x_ray.finding_class");
  }

  private async ledger(): Promise<string> {
    return JSON.stringify(await this.deployment.administer("SELECT * FROM x_ray.schema_migration ORDER BY 1, 2"));
  }

  private async measure(record: Week): Promise<void> {
    const tables = ["image", "transaction", "pred_bounding_box"];
    const counts = tables.map((name) => `(SELECT COUNT(*) FROM x_ray.\`${name}\`)`).join(" + ");
    const [row] = await this.deployment.administer<{ rowCount: number }>(`SELECT ${counts} AS rowCount`);
    record.rowsInDatabase = row?.rowCount ?? 0;
    // information_schema.tables gives what it counted up to a day ago; the files are as they are.
    const names = tables.map((name) => `'x_ray/${name}'`).join(", ");
    const [size] = await this.deployment.administer<{ bytes: string }>(
      `SELECT SUM(file_size) AS bytes FROM information_schema.innodb_tablespaces WHERE name IN (${names})`,
    );
    record.databaseBytes = Number(size?.bytes ?? 0);
  }

  private async verifyArchives(show: (line: string) => void): Promise<string> {
    const archives = await this.archives();
    await this.deployment.runBackup("verify", undefined, ["--backups", archives.join(",")], { onLine: show });
    return `${archives.length} archives`;
  }

  private async check(): Promise<string> {
    for (const { name, rows, size } of await this.list()) {
      const week = this.weeks.find((one) => name.endsWith(this.calendar.dayAfter(one.week)));
      if (week === undefined) continue;
      if (name.startsWith("archive")) Object.assign(week, { archiveRows: rows, archiveBytes: size });
      else Object.assign(week, { snapshotRows: rows, snapshotBytes: size });
    }
    this.finding = await this.invariant();
    const report = { plan: this.plan, seed: this.seed, met: this.met, finding: this.finding, weeks: this.weeks };
    writeFileSync(path.join(this.folder, "report.json"), `${JSON.stringify(report, null, 2)}\n`);
    hold(this.finding, "the year");
    const { committed, in_database: here, in_one_archive: archived } = this.finding;
    return `${committed} rows, ${here} in the database, ${archived} in one archive each`;
  }

  private async list(): Promise<ListedBackup[]> {
    const { stdout } = await this.deployment.runBackup("list", undefined, ["--log", "json"]);
    return listedBackups(stdout);
  }

  private async archives(): Promise<string[]> {
    return (await this.list()).map(({ name }) => name).filter((name) => name.startsWith("archive-"));
  }

  private async invariant(...options: string[]): Promise<Finding> {
    const files = ["--target", this.deployment.target, "--journal", this.journal];
    const { stdout } = await runWebApp("usage.invariant", [...files, ...options], { okCodes: [0, 1] });
    return JSON.parse(stdout.trimEnd().split("\n").at(-1) || "{}") as Finding;
  }
}

function hold({ faults, examples }: Finding, what: string): void {
  const all = Object.entries(faults).map(([name, count]) => `${count} ${name}`);
  if (all.length > 0)
    throw new ToolError(`${what} has rows that are not as they should be: ${all.join(", ")} (${examples.join("; ")})`);
}
