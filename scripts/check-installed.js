// Says in one line what `tsc: not found` means.
const fs = require("node:fs");
const path = require("node:path");

if (!fs.existsSync(path.join(__dirname, "..", "node_modules", "typescript", "bin", "tsc"))) {
  console.error(
    "Error: the npm packages are not installed: run npm ci first (make demo and make test do it themselves)",
  );
  process.exitCode = 1;
}
