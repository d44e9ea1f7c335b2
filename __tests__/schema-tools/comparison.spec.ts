import { mkdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { type Connection, createConnection } from "mysql2/promise";
import { localPath, repositoryRoot } from "../../local/tools/paths";
import { type MysqlServer, startMysqlServer } from "../../local/servers/mysql/server";
import { atlas } from "./atlas";
import { flyway } from "./flyway";
import { liquibase } from "./liquibase";
import { type RowId, ROWS, SCENARIOS } from "./scenarios";
import { skeema } from "./skeema";
import { rowsThatNeedTheProvider, thisPackage } from "./this";
import type { Help, SchemaTool, Site } from "./tool";

jest.setTimeout(300_000);

const TOOLS = [flyway, liquibase, atlas, skeema, thisPackage];
const page = readFileSync(path.join(repositoryRoot, "docs", "schema", "comparison.md"), "utf8");

/** The cells of the page's table: row title to column heading to text. */
const table = ((): Record<string, Record<string, string>> => {
  const lines = page.split("\n\n").find((paragraph) => paragraph.startsWith("|")) ?? "";
  const [[, ...tools] = [], , ...body] = lines.split("\n").map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  return Object.fromEntries(
    body.map(([title = "", ...cells]) => [
      title,
      Object.fromEntries(tools.map((tool, index) => [tool, cells[index] ?? ""])),
    ]),
  );
})();

test("the page has a row for each scenario and a column for each tool, and no other", () => {
  expect(Object.keys(table)).toEqual(Object.values(ROWS));
  for (const row of Object.values(table)) expect(Object.keys(row)).toEqual(TOOLS.map(({ name }) => name));
});

const workFolder = localPath("test", `schema-tools-${process.pid}`);
let server: MysqlServer;

beforeAll(async () => {
  server = await startMysqlServer({ kind: "mysql", dataFolder: path.join(workFolder, "server") });
  process.stderr.write(`comparison of schema tools: on MySQL ${server.version}\n`);
});

afterAll(async () => {
  await server.stop();
  rmSync(workFolder, { recursive: true, force: true });
});

let count = 0;

/** Plays a scenario on a fresh database. */
async function play(tool: SchemaTool, row: RowId, help?: Help): Promise<boolean> {
  count += 1;
  const database = `shop_${count}`;
  const siteIn = (name: string): Site => {
    const folder = path.join(workFolder, database, name);
    mkdirSync(folder, { recursive: true });
    return { folder, database, server };
  };
  const connection: Connection = await createConnection({
    host: server.host,
    port: server.port,
    user: server.rootUser,
    password: server.rootPassword,
    multipleStatements: true,
  });
  try {
    await connection.query(`CREATE DATABASE ${database}; CREATE DATABASE IF NOT EXISTS atlas_scratch; USE ${database}`);
    return await SCENARIOS[row]({ tool, site: siteIn("one"), otherSite: siteIn("two"), connection, help });
  } finally {
    await connection.end();
  }
}

/** The text of a cell, from what was seen. */
async function cell(tool: SchemaTool, row: RowId): Promise<string> {
  if (row === "lostHistory" && tool.historyTable === undefined) return "keeps none";
  if (row === "lostState" && tool.loseState === undefined) return "keeps none";
  if (await play(tool, row)) return "yes";
  const help = tool.help[row];
  return help !== undefined && (await play(tool, row, help)) ? `with ${help.name}` : "no";
}

describe.each(TOOLS)("$name", (tool) => {
  const skipped = tool === thisPackage ? rowsThatNeedTheProvider : [];
  for (const [row, title] of Object.entries(ROWS) as [RowId, string][]) {
    (skipped.includes(row) ? test.skip : test)(`${row}: ${title}`, async () => {
      expect(await cell(tool, row)).toBe(table[title]?.[tool.name]);
    });
  }
});
