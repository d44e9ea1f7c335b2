import { blocksOf, withValues } from "../first-deploy/page";
import { readFileSync } from "node:fs";
import path from "node:path";

const root = path.join(__dirname, "..", "..");
const text = readFileSync(path.join(root, "docs", "first-deploy.md"), "utf8");
const blocks = blocksOf("first-deploy.md");

it("has no commands but in blocks that the test of the page runs, or that say why it does not", () => {
  expect(text.match(/^```/gm)).toHaveLength(2 * blocks.length);
  expect(text.replace(/^```[\s\S]*?^```/gm, "")).not.toMatch(/^ {4}\S/m);
  expect(blocks.length).toBeGreaterThan(15);
  const marked = blocks.filter(({ onlyInAws }) => onlyInAws !== undefined);
  expect(marked.map(({ heading }) => heading)).toEqual(["For prod"]);
  expect(text.split("**Only in AWS:**")).toHaveLength(1 + marked.length);
  for (const { onlyInAws } of marked) expect(onlyInAws).toMatch(/emulator/);
});

it("marks each value that a person puts", () => {
  const yours = blocks.flatMap((block) => [...block.text.matchAll(/^(\w+)=\S+ # yours$/gm)].map(([, name]) => name));
  expect(yours).toEqual(["DEV_STATE_BUCKET", "DEV_ALARM_EMAIL", "STORE"]);
  expect(withValues("A=1 # yours\nB=2", { A: "x y" })).toBe("A='x y'\nB=2");
});

it("is where the README sends a new user", () => {
  expect(readFileSync(path.join(root, "README.md"), "utf8")).toContain("(docs/first-deploy.md)");
});
