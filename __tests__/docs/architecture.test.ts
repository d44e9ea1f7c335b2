import { spawnSync } from "node:child_process";
import * as path from "node:path";

const root = path.join(__dirname, "..", "..");

test("docs/architecture.svg is the picture of the stacks", () => {
  const script = path.join(root, "scripts", "draw-architecture.mjs");
  const { status, stderr } = spawnSync(process.execPath, [script, "--check"], { cwd: root, encoding: "utf8" });
  expect([stderr, status]).toEqual(["", 0]);
}, 60_000);
