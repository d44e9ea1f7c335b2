// Lays out dist/assets, which the constructs hand to AWS: the Glue job scripts, what they import as a zip for
// --extra-py-files, the data model and the jobs' contract by themselves, and the CA bundle of RDS.
// The zip's entries are stored, sorted and dated alike, so that the same sources give the same bytes on every machine:
// the bytes' hash decides whether a plan shows a change.
const fs = require("node:fs");
const path = require("node:path");
const { buffer } = require("node:stream/consumers");
const yazl = require("yazl");

const root = path.join(__dirname, "..");
const glue = path.join(root, "glue");
const assets = path.join(root, "dist", "assets");

/** The names below a folder that the zip takes, by their path in it. */
function filesBelow(folder, suffix) {
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && suffix.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .map((file) => [path.relative(folder, file).split(path.sep).join("/"), file]);
}

/** `a as b, c` or `(a, b)`: the names that are imported. */
const importedNames = (text) =>
  text
    .replace(/[()]/g, "")
    .split(",")
    .map((item) => item.trim().split(/\s/)[0])
    .filter((name) => name !== "");

/** The modules of xray_backup that a script needs, by its imports and theirs: the laptop's commands stay out. */
function importedModules(script, found = new Set(["__init__"])) {
  const imports = /^ *from xray_backup(?:\.(\w+))? import (\([^)]*\)|.*)$/gm;
  for (const [, module, names] of fs.readFileSync(script, "utf8").matchAll(imports)) {
    for (const name of module ? [module] : importedNames(names)) {
      if (found.has(name)) continue;
      found.add(name);
      importedModules(path.join(glue, "xray_backup", `${name}.py`), found);
    }
  }
  return found;
}

/** Packages that Glue lacks (glue/vendor) and modules that the jobs import, with the files that those modules read. */
function jobPackage(scripts) {
  const modules = new Set(scripts.flatMap((script) => [...importedModules(path.join(glue, script))]));
  const files = [
    ...filesBelow(path.join(glue, "vendor"), /\.py$|^LICENSE$/),
    ...filesBelow(path.join(glue, "xray_backup"), /\.(json|pem)$/).map(([name, file]) => [`xray_backup/${name}`, file]),
    ...[...modules].map((name) => [`xray_backup/${name}.py`, path.join(glue, "xray_backup", `${name}.py`)]),
  ];
  const zip = new yazl.ZipFile();
  for (const [name, file] of files.sort(([a], [b]) => (a < b ? -1 : 1))) {
    zip.addFile(file, name, {
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
  const alone = ["data_model.json", "job_contract.json", "rds-ca-bundle.pem"];
  const contents = {
    ...Object.fromEntries(scripts.map((name) => [name, fs.readFileSync(path.join(glue, name))])),
    ...Object.fromEntries(alone.map((name) => [name, fs.readFileSync(path.join(glue, "xray_backup", name))])),
    "xray_backup.zip": await jobPackage(scripts),
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
