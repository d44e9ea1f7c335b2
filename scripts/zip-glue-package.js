// Packs glue/xray_backup into dist/glue/xray_backup.zip for Glue's --extra-py-files, and copies the job scripts beside it.
// Entries are stored, sorted and dated alike, so that the same sources give the same bytes on every machine: the bytes'
// hash decides whether a plan shows a change.
const fs = require("node:fs");
const path = require("node:path");
const yazl = require("yazl");

const root = path.join(__dirname, "..");
const source = path.join(root, "glue");
const target = path.join(root, "dist", "glue");

function pythonFiles(folder) {
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".py"))
    .map((entry) => path.relative(source, path.join(entry.parentPath, entry.name)))
    .sort();
}

fs.mkdirSync(target, { recursive: true });
for (const script of fs.readdirSync(source).filter((name) => /^job_\w+\.py$/.test(name))) {
  fs.copyFileSync(path.join(source, script), path.join(target, script));
}
const zip = new yazl.ZipFile();
for (const file of pythonFiles(path.join(source, "xray_backup"))) {
  zip.addFile(path.join(source, file), file.split(path.sep).join("/"), {
    mtime: new Date(1980, 0, 1),
    mode: 0o100644,
    compress: false,
    forceDosTimestamp: true,
  });
}
zip.outputStream.pipe(fs.createWriteStream(path.join(target, "xray_backup.zip")));
zip.end();
