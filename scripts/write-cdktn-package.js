// Writes the package for cdktn from the packed package for cdktf: other module names and peers, nothing else.
// Usage: node scripts/write-cdktn-package.js [folder]      (default: .local/packages, into <folder>/<package's name>)
const fs = require("node:fs");
const path = require("node:path");
const manifest = require("../package.json");
const unpackPackage = require("./unpack-package");

const root = path.join(__dirname, "..");
const CDKTN_NAME = manifest.name.replace("cdktf", "cdktn");

/** Peers of the package for cdktn: the oldest minor version of each that is tested, and no version that is not out yet. */
const CDKTN_PEERS = {
  "@cdktn/provider-aws": ">=25.0.0",
  cdktn: ">=0.24.0 <1",
  constructs: ">=10.6.0 <11",
};

/** Module names in code and texts, and the command line that a message tells to run. */
const NAMES = [
  [new RegExp(`\\b${manifest.name}\\b`, "g"), CDKTN_NAME],
  [/@cdktf\/provider-/g, "@cdktn/provider-"],
  [/(["'`])cdktf(\/lib\/[^"'`]+)?\1/g, "$1cdktn$2$1"],
  [/\b(npm install .*)\bcdktf\b/g, "$1cdktn"],
  [/\bcdktf (deploy|destroy|diff|output|synth)\b/g, "cdktn $1"],
];

const withCdktnNames = (text) => NAMES.reduce((renamed, [name, other]) => renamed.replace(name, other), text);

/** Endings of the files with names. */
const RENAMED = [".js", ".md", ".ts"];
/** The page tells of both packages: only its code is of one. */
const README = "README.md";
const withCdktnCode = (text) => text.replace(/^```[\s\S]*?^```/gm, withCdktnNames);

/** Its page at the registry, whose commands are those of cdktf. */
const README_BEGIN = `# ${CDKTN_NAME}

**For CDK Terrain, \`cdktn\`: install it, and declare the versions, by [its page](docs/cdktn.md).** The commands below are those of cdktf.
`;

/** Writes the package for cdktn beside the one for cdktf; returns its folder. */
function writeCdktn(folder, cdktf) {
  const own = path.join(folder, CDKTN_NAME);
  fs.rmSync(own, { recursive: true, force: true });
  fs.cpSync(cdktf, own, { recursive: true });
  for (const entry of fs.readdirSync(own, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (!entry.isFile() || !RENAMED.includes(path.extname(file)) || file === path.join(own, README)) continue;
    fs.writeFileSync(file, withCdktnNames(fs.readFileSync(file, "utf8")));
  }
  const readme = path.join(own, README);
  const page = withCdktnCode(fs.readFileSync(readme, "utf8"));
  fs.writeFileSync(readme, page.replace(`# ${manifest.name}\n`, README_BEGIN));
  const file = path.join(own, "package.json");
  const { mysql2 } = manifest.peerDependencies;
  const renamed = {
    ...manifest,
    name: CDKTN_NAME,
    keywords: manifest.keywords.map((word) => (word === "cdktf" ? "cdktn" : word)),
    peerDependencies: { ...CDKTN_PEERS, mysql2 },
    // The tools that build the package are of its source alone.
    devDependencies: undefined,
    scripts: undefined,
  };
  fs.writeFileSync(file, `${JSON.stringify(renamed, null, 2)}\n`);
  return own;
}

const folder = path.resolve(process.argv[2] ?? path.join(root, ".local", "packages"));
const cdktf = path.join(folder, manifest.name);
fs.rmSync(cdktf, { recursive: true, force: true });
unpackPackage(cdktf);
console.log(writeCdktn(folder, cdktf));
