// Packs the package, lays it beside the peers that are installed here into the project of examples/own-stack, and there
// type-checks and synthesizes. Needs no network.
// Usage: node scripts/try-packed-package.js
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const manifest = require("../package.json");
const unpackPackage = require("./unpack-package");

const root = path.join(__dirname, "..");
const example = path.join(root, "examples", "own-stack");
const folder = path.join(root, ".local", "packed-package");
const modules = path.join(folder, "node_modules");

function run(command, args, cwd) {
  try {
    return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    const output = `${error.stdout ?? ""}${error.stderr ?? ""}`.trim() || error.message;
    throw new Error(`${path.basename(command)} ${args.join(" ")} failed:\n${output}`);
  }
}

function linkPeers() {
  for (const name of ["@cdktf/provider-aws", "@types/node", "cdktf", "constructs", "typescript"]) {
    const target = path.join(modules, name);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.symlinkSync(path.join(root, "node_modules", name), target, "dir");
  }
}

try {
  fs.rmSync(folder, { recursive: true, force: true });
  unpackPackage(path.join(modules, manifest.name));
  linkPeers();
  for (const file of ["main.ts", "tsconfig.json"]) fs.copyFileSync(path.join(example, file), path.join(folder, file));
  run(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "."], folder);
  run(process.execPath, ["main.js"], folder);
} catch (error) {
  console.error(`try-packed-package: ${error.message}`);
  process.exitCode = 1;
}
