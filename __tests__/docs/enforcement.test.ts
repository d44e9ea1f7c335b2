import { readFileSync } from "node:fs";
import path from "node:path";
import { attempts, ERASING_JOB, PRINCIPALS } from "../e2e/support/enforcement";

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
  const principals: Record<string, { may: string[] }> = { ...PRINCIPALS, "erasing job": ERASING_JOB };
  const names = Object.keys(principals);
  const users = ["xray_app", "xray_backup", "xray_erase", "xray_purge", "xray_restore"];
  const secrets = Object.fromEntries(users.map((user) => [user, user]));
  const buckets = { images: "images", backups: "backups" };
  const rows = Object.keys(attempts(session, "http://127.0.0.1:9", buckets, secrets)).map((attempt) => [
    attempt,
    ...names.map((name) => (principals[name]?.may.includes(attempt) ? "yes" : "denied")),
  ]);
  expect(shown[0]).toEqual(["attempt", ...names]);
  expect(shown.slice(2, 2 + rows.length)).toEqual(rows);
});
