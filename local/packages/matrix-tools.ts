import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { localPath } from "../tools/paths";
import { runCommand } from "../tools/run-command";
import { MATRIX_TOOLS, type PackageManager } from "./combinations";

const tools = localPath("packages", "tools");

/** Installs the releases of Node.js and the package managers, besides those of this machine. */
export async function installMatrixTools(): Promise<void> {
  const text = JSON.stringify({ name: "tools", private: true, dependencies: MATRIX_TOOLS }, null, 2);
  const file = path.join(tools, "package.json");
  if (existsSync(file) && readFileSync(file, "utf8") === text) return;
  mkdirSync(tools, { recursive: true });
  writeFileSync(file, text);
  await runCommand("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: tools });
}

/** The program of a release of Node.js, by its first number. */
export const nodeOf = (major: string): string => path.join(tools, "node_modules", `node${major}`, "bin", "node");

/** The command of a package manager; those besides npm run on the newest Node.js that every peer is for. */
export function commandOf(manager: PackageManager): [string, ...string[]] {
  if (manager === "npm") return ["npm"];
  const script = { pnpm: "bin/pnpm.cjs", yarn: "bin/yarn.js" }[manager];
  return [nodeOf("24"), path.join(tools, "node_modules", manager, script)];
}
