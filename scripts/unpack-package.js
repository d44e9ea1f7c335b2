// The package as npm packs it, unpacked into a folder.
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

/** Packs what is built here and unpacks it into `folder`, which is made. */
module.exports = function unpackPackage(folder) {
  fs.mkdirSync(folder, { recursive: true });
  const pack = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
  const [{ filename }] = JSON.parse(
    execFileSync("npm", pack, { cwd: path.join(__dirname, ".."), encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }),
  );
  const tarball = path.join(folder, filename);
  execFileSync("tar", ["-xzf", tarball, "-C", folder, "--strip-components=1"]);
  fs.rmSync(tarball);
};
