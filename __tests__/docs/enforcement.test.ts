import { readFileSync } from "node:fs";
import path from "node:path";
import { attempts, PRINCIPALS } from "../e2e/support/enforcement";

const page = readFileSync(path.join(__dirname, "..", "..", "docs", "enforcement.md"), "utf8");
const session = { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b", AWS_SESSION_TOKEN: "c" };

it("the page has the table that the emulator is held against", () => {
  const shown = page
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  const names = Object.keys(PRINCIPALS);
  const rows = Object.keys(attempts(session, "http://127.0.0.1:9", "bucket", {})).map((attempt) => [
    attempt,
    ...names.map((name) => (PRINCIPALS[name]?.may.includes(attempt) ? "yes" : "denied")),
  ]);
  expect(shown[0]).toEqual(["attempt", ...names]);
  expect(shown.slice(2, 2 + rows.length)).toEqual(rows);
});
