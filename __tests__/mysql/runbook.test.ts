import * as ledger from "../../src/schema/ledger";
import { splitStatements } from "../../src/schema/statement";
import { connectAsProvider } from "../../local/replayer/replayer";
import { Page } from "../support/runbook";
import { describeOnServers } from "./support/servers";

const MIGRATIONS = [
  "CREATE TABLE transaction (id INT AUTO_INCREMENT PRIMARY KEY, n INT)",
  "INSERT INTO transaction (n) VALUES (1)",
  "INSERT INTO transaction (n) SELECT 1 + SLEEP(60)",
];

describeOnServers(
  "runbook",
  (get) => {
    const run = (sql: string) => get().connection.query(sql);
    const apply = (version: number): string => {
      const [statement] = splitStatements(MIGRATIONS[version - 1] ?? "", "test.sql");
      if (statement === undefined) throw new Error("no statement");
      const before = version > 1 ? { version: version - 1, statement: 1 } : undefined;
      return ledger.applyStatement("x_ray", { version, statement: 1 }, "test", statement, before);
    };

    /** A deploy whose connection is killed while V0003 runs. */
    const killDeploy = async (): Promise<void> => {
      const deploy = await connectAsProvider(get().root);
      deploy.on("error", () => undefined);
      const ended = expect(deploy.query(apply(3))).rejects.toThrow();
      const session = "SELECT id FROM information_schema.processlist WHERE state = 'User sleep'";
      let id: unknown;
      while (id === undefined) id = (await get().rows(session))[0]?.["id"];
      await run(`KILL ${Number(id)}`);
      await ended;
      await expect(run(apply(3))).rejects.toThrow(
        "V0003.1 began, its end is unknown: docs/runbook/half-applied-migration.md",
      );
    };

    test("a statement is running for ever: each answer of the page lets the next deploy go on", async () => {
      for (const sql of [
        ledger.createDatabase("x_ray"),
        ledger.createGuard("x_ray", false),
        ledger.createLedgerTable("x_ray"),
        ledger.createApplyProcedure("x_ray"),
        apply(1),
        apply(2),
      ]) {
        await run(sql);
      }
      await killDeploy();
      const page = new Page("half-applied-migration", "sql", async (sql) => JSON.stringify((await run(sql))[0]));
      expect(await page.next("Look")).toMatch(/^\[{"version":3,"statement":1,"state":"running"/);
      expect(await page.next("A statement that is running")).toContain("CREATE TABLE `transaction`");
      // Not applied: the next deploy runs it again, here until it is killed again.
      await page.next("A statement that is running");
      await killDeploy();
      // Applied: the next deploy goes on after it.
      await page.next("A statement that is running");
      await run(apply(3));
      expect(await page.next("It is ended when")).toBe('[{"COUNT(*)":0}]');
      page.end();
      expect(await get().rows("SELECT COUNT(*) AS n FROM x_ray.transaction")).toEqual([{ n: 1 }]);
    });
  },
  ["mysql"],
);
