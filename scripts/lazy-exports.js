// Rewrites the indexes that tsc wrote, so that a name's module is loaded when the name is first read: `require` of the package
// alone loads one file. The list `exports.A = exports.B = … = void 0` stays, by which Node.js finds the names that an ES module
// can import; it would take none that a getter with another content than tsc's defines by its literal name, hence the function.
// An index that was rewritten stays as it is.
const fs = require("node:fs");
const path = require("node:path");

const INDEXES = ["index.js", "stacks/index.js"];
const REQUIRE = /^(?:var|const) (\w+) = (require\("[^"]+"\));\n/gm;
const EXPORT =
  /^Object\.defineProperty\(exports, ("\w+"), \{ enumerable: true, get: function \(\) \{ return (\w+)\.\w+; \} \}\);$/gm;
const LAZY =
  "const lazy = (name, load) => Object.defineProperty(exports, name, { enumerable: true, get: () => load()[name] });\n";

for (const index of INDEXES) {
  const file = path.join(__dirname, "..", "dist", index);
  const text = fs.readFileSync(file, "utf8");
  const loads = new Map([...text.matchAll(REQUIRE)].map(([, module, load]) => [module, load]));
  if (loads.size === 0) continue;
  const [first] = loads.keys();
  const lazy = text
    .replace(EXPORT, (_, name, module) => `lazy(${name}, () => ${loads.get(module)});`)
    .replace(REQUIRE, (_, module) => (module === first ? LAZY : ""));
  const left = [...loads.keys()].find((module) => new RegExp(`\\b${module}\\b`).test(lazy));
  if (left !== undefined) throw new Error(`dist/${index} uses ${left} in another way than tsc's export of a name`);
  fs.writeFileSync(file, lazy);
}
