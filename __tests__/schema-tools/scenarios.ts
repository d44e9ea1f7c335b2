import { cpSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Connection, RowDataPacket } from "mysql2/promise";
import type { Help, Run, SchemaTool, Site, Step } from "./tool";

/** The rows of the table in docs/schema/comparison.md, and their titles there. */
export const ROWS = {
  editedFile: "Edited file refused",
  editedAndSealed: "Edited file refused, hashes renewed",
  narrowedColumn: "Lossy change refused: a column made too narrow",
  narrowedUnstrict: "The same on a server without strict mode",
  droppedColumn: "Lossy change refused: a column dropped",
  halfApplied: "Half-applied change resumed",
  lostHistory: "Lost history table: the next deploy goes on",
  lostState: "Lost state outside the database: the next deploy goes on",
  concurrent: "Two deploys at once: one waits",
  destroy: "Destroy refused",
  drift: "Drift reported",
  preview: "Plan shows the SQL to come",
} as const;
export type RowId = keyof typeof ROWS;

/** Context of a scenario. */
export interface Stage {
  readonly tool: SchemaTool;
  readonly site: Site;
  /** A second checkout with the same database. */
  readonly otherSite: Site;
  /** Root on the site's database. */
  readonly connection: Connection;
  readonly help: Help | undefined;
}

/** Tells whether the tool does what the row says. */
export type Scenario = (stage: Stage) => Promise<boolean>;

const PEOPLE = "CREATE TABLE people (id INT NOT NULL PRIMARY KEY, name VARCHAR(100), age INT)";
const first: Step = { statements: [PEOPLE], tables: { people: PEOPLE } };

/** The table of the first step after a change of its columns. */
const alter = (statement: string, before: string, after: string): Step => ({
  statements: [`ALTER TABLE people ${statement}`],
  tables: { people: PEOPLE.replace(before, after) },
});
const edited: Step = {
  statements: [PEOPLE.replace("age INT", "age BIGINT")],
  tables: alter("", "age INT", "age BIGINT").tables,
};
const narrow = alter("MODIFY name VARCHAR(3)", "VARCHAR(100)", "VARCHAR(3)");
const drop = alter("DROP COLUMN age", ", age INT", "");
const add = alter("ADD COLUMN note VARCHAR(10)", "age INT", "age INT, note VARCHAR(10)");

const rows = async ({ connection }: Stage, sql: string): Promise<RowDataPacket[]> =>
  (await connection.query<RowDataPacket[]>(sql))[0];

async function columns(stage: Stage, table = "people"): Promise<string[]> {
  const found = await rows(
    stage,
    `SELECT column_name AS name, column_type AS type FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = '${table}' ORDER BY ordinal_position`,
  );
  return found.map((row) => `${row["name"]} ${row["type"]}`);
}

/** Writes, seals, takes the row's help and deploys; stops at the first that refuses. */
async function deploy(stage: Stage, steps: readonly Step[], help?: Help): Promise<Run> {
  const { tool, site } = stage;
  tool.write(site, help?.oneStatementAStep === true ? oneStatementAStep(steps) : steps);
  const sealed = await tool.seal?.(site);
  if (sealed !== undefined && sealed.code !== 0) return sealed;
  const helped = await help?.run?.(site);
  return helped !== undefined && helped.code !== 0 ? helped : tool.deploy(site);
}

function oneStatementAStep(steps: readonly Step[]): Step[] {
  return steps.flatMap(({ statements, tables }) => statements.map((one) => ({ statements: [one], tables })));
}

async function deployed(stage: Stage, steps: readonly Step[], help?: Help): Promise<void> {
  const { code, output } = await deploy(stage, steps, help);
  if (code !== 0) throw new Error(`the first deploy failed: ${output}`);
}

/** Tells whether a deploy stopped with the words that are expected of the tool, and left the table as it was. */
async function refuses(stage: Stage, row: RowId, attempt: () => Promise<Run>): Promise<boolean> {
  const content = async () => JSON.stringify([await columns(stage), await rows(stage, "SELECT * FROM people")]);
  const before = await content();
  const { code, output } = await attempt();
  if (code === 0) return false;
  expectWords(stage.tool, row, output);
  return (await content()) === before;
}

/** A tool that stops for another reason than the row's has proven nothing. */
function expectWords(tool: SchemaTool, row: RowId, output: string): void {
  const words = tool.says[row];
  if (words === undefined || !words.test(output)) {
    throw new Error(`${tool.name}, ${row}: stopped, but not with ${String(words)}: ${output}`);
  }
}

const lossy =
  (row: RowId, change: Step, strict = true): Scenario =>
  async (stage) => {
    await deployed(stage, [first]);
    await stage.connection.query("INSERT INTO people VALUES (1, 'abcdefghij', 50)");
    const [[{ mode } = { mode: "" }]] = (await stage.connection.query(
      "SELECT @@GLOBAL.sql_mode AS mode",
    )) as unknown as [[{ mode: string } | undefined]];
    if (!strict) await stage.connection.query("SET GLOBAL sql_mode = ''");
    try {
      return await refuses(stage, row, () => deploy(stage, [first, change], stage.help));
    } finally {
      await stage.connection.query("SET GLOBAL sql_mode = ?", [mode]);
    }
  };

const edit =
  (row: RowId, sealed: boolean): Scenario =>
  async (stage) => {
    const { tool, site } = stage;
    await deployed(stage, [first]);
    return refuses(stage, row, async () => {
      if (sealed) return deploy(stage, [edited]);
      tool.write(site, [edited]);
      return tool.deploy(site);
    });
  };

/** The second of two statements fails on the rows that are there; then the rows are mended. */
async function halfApplied(stage: Stage): Promise<boolean> {
  const log = "CREATE TABLE log (id INT NOT NULL PRIMARY KEY)";
  const unique = `${PEOPLE.slice(0, -1)}, UNIQUE KEY age (age))`;
  const change: Step = {
    statements: [log, "ALTER TABLE people ADD UNIQUE KEY age (age)"],
    tables: { log, people: unique },
  };
  const { connection, help } = stage;
  await deployed(stage, [first]);
  await connection.query("INSERT INTO people VALUES (1, 'a', 50), (2, 'b', 50)");
  const failed = await deploy(stage, [first, change], help && { ...help, run: undefined });
  if (failed.code === 0 || !/Duplicate entry/.test(failed.output)) throw new Error(`no failure: ${failed.output}`);
  await connection.query("UPDATE people SET age = 51 WHERE id = 2");
  const again = await deploy(stage, [first, change], help);
  if (again.code !== 0) expectWords(stage.tool, "halfApplied", again.output);
  const keys = await rows(stage, "SHOW KEYS FROM people WHERE Key_name = 'age'");
  return again.code === 0 && keys.length === 1 && (await columns(stage, "log")).length === 1;
}

/** Deploys the next step without the record; what is in the table must outlive that, whether the tool goes on or stops. */
async function goesOn(stage: Stage, row: RowId, help?: Help): Promise<boolean> {
  const { tool, site, connection } = stage;
  await connection.query("INSERT INTO people VALUES (1, 'abcdefghij', 50)");
  if (row === "lostState") tool.loseState?.(site);
  else await connection.query(`DROP TABLE ${tool.historyTable}`);
  const helped = await help?.run?.(site);
  if (helped !== undefined && helped.code !== 0) throw new Error(helped.output);
  const { code, output } = await deploy(stage, [first, add]);
  if (code !== 0) expectWords(tool, row, output);
  if ((await rows(stage, "SELECT id FROM people")).length !== 1) throw new Error(`the row is gone: ${output}`);
  return code === 0 && (await columns(stage)).some((column) => column.startsWith("note "));
}

async function lostHistory(stage: Stage): Promise<boolean> {
  await deployed(stage, [first]);
  return goesOn(stage, "lostHistory", stage.help);
}

async function lostState(stage: Stage): Promise<boolean> {
  await deployed(stage, [first]);
  return goesOn(stage, "lostState");
}

/** A reader holds the table, so that the first deploy stands in its ALTER while the second one comes. */
async function concurrent(stage: Stage): Promise<boolean> {
  const { tool, site, otherSite, connection } = stage;
  await deployed(stage, [first]);
  // With its own copy of what the tool keeps in files, so that no lock on a file stands in for one in the database.
  cpSync(site.folder, otherSite.folder, { recursive: true });
  for (const checkout of [site, otherSite]) {
    tool.write(checkout, [first, add]);
    await tool.seal?.(checkout);
  }
  const count = async (condition: string): Promise<number> =>
    (await rows(stage, `SELECT id FROM information_schema.processlist WHERE ${condition}`)).length;
  const altering = () => count("state LIKE 'Waiting for table metadata lock%'");

  await connection.query("START TRANSACTION; SELECT * FROM people");
  const one = tool.deploy(site);
  for (let tries = 0; (await altering()) === 0; tries += 1) {
    if (tries === 300) throw new Error("the first deploy did not come to its ALTER");
    await sleep(200);
  }
  const connections = await count("user = 'root'");
  let ended = false;
  const two = tool.deploy(otherSite).finally(() => (ended = true));
  while (!ended && (await count("user = 'root'")) === connections) await sleep(200);
  await sleep(SECONDS_TO_REACH_THE_ALTER * 1000);
  const bothAlter = (await altering()) > 1;
  await connection.query("COMMIT");
  const results = await Promise.all([one, two]);
  for (const { code, output } of results) if (code !== 0) expectWords(tool, "concurrent", output);
  return !bothAlter && results.every(({ code }) => code === 0);
}

/** From its first connection on. */
const SECONDS_TO_REACH_THE_ALTER = 6;

async function destroy(stage: Stage): Promise<boolean> {
  await deployed(stage, [first]);
  await stage.connection.query("INSERT INTO people VALUES (1, 'abcdefghij', 50)");
  const { code, output } = await stage.tool.destroy(stage.site);
  const left = (await columns(stage)).length > 0 && (await rows(stage, "SELECT id FROM people")).length === 1;
  if (code !== 0) expectWords(stage.tool, "destroy", output);
  if (!left && code !== 0) throw new Error(`it said no, and the table is gone: ${output}`);
  return left;
}

async function drift(stage: Stage): Promise<boolean> {
  await deployed(stage, [first]);
  const helped = await stage.help?.run?.(stage.site);
  if (helped !== undefined && helped.code !== 0) throw new Error(helped.output);
  const before = await stage.tool.drift(stage.site);
  if (before.code !== 0 || /by_hand/.test(before.output)) throw new Error(`before the drift: ${before.output}`);
  await stage.connection.query("ALTER TABLE people ADD COLUMN by_hand INT");
  return /by_hand/.test((await stage.tool.drift(stage.site)).output);
}

async function preview(stage: Stage): Promise<boolean> {
  const { tool, site } = stage;
  await deployed(stage, [first]);
  const before = await columns(stage);
  tool.write(site, [first, add]);
  await tool.seal?.(site);
  const { code, output } = await tool.preview(site);
  if (JSON.stringify(await columns(stage)) !== JSON.stringify(before)) throw new Error(`a preview ran: ${output}`);
  const shown = /ALTER TABLE.+ADD COLUMN .?note/s.test(output);
  if (!shown && code !== 0) throw new Error(`no preview: ${output}`);
  return shown;
}

/** Scenario of each row. */
export const SCENARIOS: Record<RowId, Scenario> = {
  editedFile: edit("editedFile", false),
  editedAndSealed: edit("editedAndSealed", true),
  narrowedColumn: lossy("narrowedColumn", narrow),
  narrowedUnstrict: lossy("narrowedUnstrict", narrow, false),
  droppedColumn: lossy("droppedColumn", drop),
  halfApplied,
  lostHistory,
  lostState,
  concurrent,
  destroy,
  drift,
  preview,
};
