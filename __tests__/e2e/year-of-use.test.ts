import { copyApp } from "../../local/environment/app-copy";
import { localPath } from "../../local/tools/paths";
import { runContract, setUpWebApp } from "../../local/environment/web-app-double";
import { Deployment } from "../../local/environment/deployment";
import { SHORT_YEAR } from "../../local/commands/simulation/year-plan";
import { PlayedYear } from "../../local/commands/simulation/played-year";

jest.setTimeout(20 * 60_000);

const folder = localPath("e2e-year");
const deployment = new Deployment({ projectFolder: folder, serversFolder: folder, keepEmulatorState: true });

beforeAll(async () => {
  await setUpWebApp();
  copyApp(folder);
  await deployment.start();
});

afterAll(() => deployment.stop());

// In order: the contract purges rows of its own, which are in no journal of the year.
describe("the people who use the set-up", () => {
  test("five weeks with a purge, a drill, a lost state, a migration and restarts lose no row", async () => {
    const year = new PlayedYear(deployment, SHORT_YEAR, 1);
    for (const { title, run } of year.steps) console.log(`${title}: ${(await run(() => {})) ?? ""}`);
    expect(year.finding?.faults).toEqual({});
    expect(year.finding?.committed).toBeGreaterThan(4000);
    expect(year.finding?.in_one_archive).toBeGreaterThan(1000);
    const events = year.weeks.flatMap((week) => week.events);
    for (const event of ["purge", "restore drill", "lost state", "migration", "emulator restart"]) {
      expect(events).toContain(event);
    }
  });

  test("the web app runs unmodified: every statement of its contract", async () => {
    const { code, output } = await runContract(deployment.target);
    console.log(output);
    expect(code).toBe(0);
  });
});
