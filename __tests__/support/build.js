const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const root = path.join(__dirname, "..", "..");
const run = (...args) => execFileSync(process.execPath, args, { cwd: root, stdio: "inherit" });

/** The constructs hand files of dist/assets to AWS, and the tests of the package use all of dist. */
module.exports = () => {
  run("scripts/build-assets.js");
  try {
    if (!isFresh()) run("node_modules/typescript/bin/tsc", "-p", "tsconfig.json");
  } catch {
    console.warn("dist is older than src, and src does not compile: the tests of the package judge the older code");
  }
  run("scripts/lazy-exports.js");
};

function isFresh() {
  const compiled = path.join(root, "dist", ".tsbuildinfo");
  if (!fs.existsSync(compiled)) return false;
  const { mtimeMs } = fs.statSync(compiled);
  return fs
    .readdirSync(path.join(root, "src"), { recursive: true, withFileTypes: true })
    .every((entry) => !entry.isFile() || fs.statSync(path.join(entry.parentPath, entry.name)).mtimeMs <= mtimeMs);
}
