// Writes the bill of materials of the package in CycloneDX: npm's own list, and the Python packages that travel in the jobs' zip.
// Usage: node scripts/write-sbom.js FILE
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const root = path.join(__dirname, "..");
const vendor = path.join(root, "glue", "vendor");

/** Folders `<name>-<version>.dist-info` tell what is vendored. */
function vendored() {
  return fs
    .readdirSync(vendor)
    .map((folder) => /^(.+)-([^-]+)\.dist-info$/.exec(folder))
    .filter((match) => match !== null)
    .map(([, name, version]) => ({
      "bom-ref": `pkg:pypi/${name}@${version}`,
      type: "library",
      name,
      version,
      scope: "required",
      purl: `pkg:pypi/${name}@${version}`,
      licenses: [{ license: { id: "MIT" } }],
    }));
}

const [file] = process.argv.slice(2);
if (file === undefined) {
  console.error("Usage: node scripts/write-sbom.js FILE");
  process.exit(2);
}
const args = ["sbom", "--sbom-format", "cyclonedx", "--sbom-type", "library", "--omit", "dev", "--package-lock-only"];
const bom = JSON.parse(execFileSync("npm", args, { cwd: root, encoding: "utf8" }));
// The same sources give the same bytes: a number and a time of the run would tell each list from the last.
delete bom.serialNumber;
delete bom.metadata.timestamp;
// npm calls the package by its folder's name.
const { name, version, description } = require("../package.json");
const self = `pkg:npm/${name}@${version}`;
Object.assign(bom.metadata.component, { "bom-ref": self, name, version, description, purl: self });
const parts = vendored();
bom.components = [...bom.components, ...parts];
bom.dependencies = [
  { ref: self, dependsOn: bom.components.map((part) => part["bom-ref"]) },
  ...parts.map((part) => ({ ref: part["bom-ref"], dependsOn: [] })),
];
fs.writeFileSync(file, `${JSON.stringify(bom, null, 2)}\n`);
