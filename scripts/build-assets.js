// Lays out dist/assets, which the constructs hand to AWS: the Glue job scripts, the package xray_backup as a zip for
// --extra-py-files, its data model by itself, and the CA bundle of RDS.
// The zip's entries are stored, sorted and dated alike, so that the same sources give the same bytes on every machine:
// the bytes' hash decides whether a plan shows a change.
const fs = require("node:fs");
const path = require("node:path");
const { buffer } = require("node:stream/consumers");
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
  zip.end();
  return buffer(zip.outputStream);
}

/** In one step, and only where it is new: another process may be reading the assets. */
function put(name, content) {
  const file = path.join(assets, name);
  if (fs.existsSync(file) && fs.readFileSync(file).equals(content)) return;
  const draft = `${file}.${process.pid}`;
  fs.writeFileSync(draft, content);
  fs.renameSync(draft, file);
}

async function build() {
  const scripts = fs.readdirSync(glue).filter((name) => /^job_\w+\.py$/.test(name));
  const contents = {
    ...Object.fromEntries(scripts.map((name) => [name, fs.readFileSync(path.join(glue, name))])),
    "xray_backup.zip": await zipPackage("xray_backup"),
    "data_model.json": fs.readFileSync(path.join(glue, "xray_backup", "data_model.json")),
    "rds-ca-bundle.pem": fs.readFileSync(path.join(__dirname, "rds-ca-bundle.pem")),
  };
  fs.mkdirSync(assets, { recursive: true });
  for (const [name, content] of Object.entries(contents)) put(name, content);
  for (const name of fs.readdirSync(assets)) {
    // A draft is another process's, and goes away by itself.
    if (!(name in contents) && !/\.\d+$/.test(name)) fs.rmSync(path.join(assets, name));
  }
}

build().catch((error) => {
  console.error(`build-assets: ${error.message}`);
  process.exitCode = 1;
});
