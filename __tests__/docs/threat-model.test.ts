import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

const root = path.join(__dirname, "..", "..");
const read = (file: string): string => readFileSync(path.join(root, file), "utf8");
const rows = read("docs/threat-model.md")
  .split("\n")
  .filter((line) => /^\| (?!asset|-)/.test(line))
  .map((line) => line.split("|").map((cell) => cell.trim()));

it("has a row for every asset that the page names", () => expect(rows.length).toBeGreaterThanOrEqual(20));

it.each(rows.map(([, asset, attacker, , cell = ""]) => [`${asset}: ${attacker}`, cell]))(
  "%s: its test is there",
  (_, cell) => {
    const [, file = "", title = ""] = /^`([^`]+)` (.+)$/.exec(cell) ?? [];
    expect([file, existsSync(path.join(root, file))]).toEqual([file, true]);
    expect(title.length).toBeGreaterThan(10);
    // Titles are texts in the code, or the names of Python's functions.
    expect(read(file)).toContain(file.endsWith(".py") ? `def ${title}(` : title);
  },
);
