// Packs the package, lays it beside each set of peers that it promises to work with into the project of
// examples/own-stack, and there type-checks and synthesizes.
// Usage: node scripts/check-peer-range.js [installed|aws-21|cdktn ...]
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const Table = require("cli-table3");
const manifest = require("../package.json");

const root = path.join(__dirname, "..");
const example = path.join(root, "examples", "own-stack");
const pinned = (name) => manifest.devDependencies[name];

/** npm dependencies by the name of the set; `installed` takes those of this repository and needs no network. */
const PEERS = {
  installed: undefined,
  "aws-21": { "@cdktf/provider-aws": "21.22.1", cdktf: "0.21.0", constructs: "10.8.1" },
  // The community fork, under cdktf's name: one copy for the app, the bindings and this package.
  cdktn: { "@cdktf/provider-aws": pinned("@cdktf/provider-aws"), cdktf: "npm:cdktn@0.24.0", constructs: "10.7.2" },
};

function run(command, args, cwd) {
  try {
    return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    const output = `${error.stdout ?? ""}${error.stderr ?? ""}`.trim() || error.message;
    throw new Error(`${path.basename(command)} ${args.join(" ")} failed:\n${output}`);
  }
}

/** The packed package's content below `folder`, by name so that it can stand in node_modules. */
function pack(folder) {
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  const [{ filename }] = JSON.parse(
    run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], root),
  );
  run("tar", ["-xzf", filename], folder);
  return path.join(folder, "package");
}

function install(folder, dependencies) {
  const project = {
    private: true,
    dependencies,
    devDependencies: { typescript: pinned("typescript"), "@types/node": pinned("@types/node") },
    // Bindings ask for cdktf in a range of their own, which the fork's version is outside of.
    overrides: dependencies.cdktf.startsWith("npm:") ? { cdktf: "$cdktf" } : undefined,
  };
  const text = JSON.stringify(project, null, 2);
  const file = path.join(folder, "package.json");
  const installed = path.join(folder, "node_modules", ".package-lock.json");
  if (fs.existsSync(installed) && fs.existsSync(file) && fs.readFileSync(file, "utf8") === text) return;
  fs.writeFileSync(file, text);
  run("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefer-offline"], folder);
}

function link(folder) {
  for (const name of ["@cdktf/provider-aws", "@types/node", "cdktf", "constructs", "typescript"]) {
    const target = path.join(folder, "node_modules", name);
    fs.rmSync(target, { recursive: true, force: true });
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.symlinkSync(path.join(root, "node_modules", name), target, "dir");
  }
}

/** The synthesized stacks by name, without what cdktf notes for itself. */
function stacksIn(folder) {
  const stacks = path.join(folder, "cdktf.out", "stacks");
  return Object.fromEntries(
    fs.readdirSync(stacks).map((name) => {
      const text = fs.readFileSync(path.join(stacks, name, "cdk.tf.json"), "utf8");
      return [name, JSON.parse(text, (key, value) => (key === "//" ? undefined : value))];
    }),
  );
}

function check(name, packed) {
  const folder = path.join(root, ".local", "peers", name);
  fs.mkdirSync(folder, { recursive: true });
  const timed = (action) => {
    const start = Date.now();
    action();
    return ((Date.now() - start) / 1000).toFixed(1);
  };
  const dependencies = PEERS[name];
  const installing = timed(() => (dependencies ? install(folder, dependencies) : link(folder)));
  const own = path.join(folder, "node_modules", manifest.name);
  fs.rmSync(own, { recursive: true, force: true });
  fs.cpSync(packed, own, { recursive: true });
  for (const file of ["main.ts", "tsconfig.json"]) fs.copyFileSync(path.join(example, file), path.join(folder, file));
  fs.rmSync(path.join(folder, "cdktf.out"), { recursive: true, force: true });
  const checking = timed(() => run(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "."], folder));
  const synthesizing = timed(() => run(process.execPath, ["main.js"], folder));
  const resources = Object.values(stacksIn(folder)).flatMap(({ resource }) =>
    Object.values(resource).flatMap(Object.keys),
  );
  const version = (peer) =>
    JSON.parse(fs.readFileSync(path.join(folder, "node_modules", peer, "package.json"), "utf8")).version;
  return [
    name,
    version("cdktf"),
    version("constructs"),
    version("@cdktf/provider-aws"),
    installing,
    checking,
    synthesizing,
    resources.length,
  ];
}

function main(names) {
  const unknown = names.filter((name) => !(name in PEERS));
  if (unknown.length > 0)
    throw new Error(`peers must be of ${Object.keys(PEERS).join(", ")}, got ${unknown.join(", ")}`);
  const packed = pack(path.join(root, ".local", "peers", "pack"));
  const table = new Table({
    head: ["peers", "cdktf", "constructs", "provider-aws", "install s", "tsc s", "synth s", "resources"],
    style: { head: [], border: [], compact: true },
    colAligns: ["left", "right", "right", "right", "right", "right", "right", "right"],
  });
  for (const name of names) {
    console.log(`${name}: packed package, type check and synth`);
    table.push(check(name, packed));
  }
  console.log(table.toString());
}

try {
  main(process.argv.length > 2 ? process.argv.slice(2) : Object.keys(PEERS));
} catch (error) {
  console.error(`check-peer-range: ${error.message}`);
  process.exitCode = 1;
}
