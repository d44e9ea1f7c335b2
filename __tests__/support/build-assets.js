const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

/** The constructs hand files of dist/assets to AWS; a fresh clone has none yet. */
module.exports = () => {
  const root = path.join(__dirname, "..", "..");
  if (fs.existsSync(path.join(root, "dist", "assets", "rds-ca-bundle.pem"))) return;
  execFileSync(process.execPath, [path.join(root, "scripts", "build-assets.js")], { stdio: "inherit" });
};
