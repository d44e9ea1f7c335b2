// Draws docs/architecture.svg from the stacks of the environment prod: a box for each construct with its resources, an arrow for
// each reference from a resource of one to a resource of another.
// Usage: node scripts/draw-architecture.mjs [--check] (after npm run build); --check draws nothing and fails where it would.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Graphviz } from "@hpcc-js/wasm-graphviz";

const root = path.join(import.meta.dirname, "..");
const picture = path.join(root, "docs", "architecture.svg");
const environment = "prod";
const stacks = [`${environment}-data-lake`, `${environment}-metadata-schema`];
const BLOCKS = ["resource", "data", "ephemeral"];

/** `aws_s3_bucket` → `s3 bucket`. */
const kindName = (type) => type.replace(/^aws_/, "").replaceAll("_", " ");

const outdir = mkdtempSync(path.join(tmpdir(), "architecture-"));
process.on("exit", () => rmSync(outdir, { recursive: true, force: true }));
// With no variable of this machine: the picture is the same everywhere.
execFileSync(process.execPath, [path.join(root, "dist", "main.js")], { cwd: outdir, env: { CDKTF_OUTDIR: outdir } });

const constructOf = new Map(); // Terraform address → construct path of two parts, stack/construct
const kinds = new Map(); // construct path → kinds of its managed resources, with their count
const bodies = new Map(); // construct path → JSON of all its blocks

for (const stack of stacks) {
  const file = path.join(outdir, "stacks", stack, "cdk.tf.json");
  const json = JSON.parse(readFileSync(file, "utf8"));
  for (const block of BLOCKS) {
    for (const [type, all] of Object.entries(json[block] ?? {})) {
      for (const [name, body] of Object.entries(all)) {
        const construct = body["//"]?.metadata.path.split("/").slice(0, 2).join("/");
        if (construct === undefined) continue; // cdktf says of no ephemeral resource whose it is
        constructOf.set(`${type}.${name}`, construct);
        bodies.set(construct, (bodies.get(construct) ?? "") + JSON.stringify(body));
        if (block !== "resource") continue;
        const counts = kinds.get(construct) ?? new Map();
        kinds.set(construct, counts.set(type, (counts.get(type) ?? 0) + 1));
      }
    }
  }
}

// References of the schema's stack to the other one are in its provider and its ephemeral resources.
const schema = `${stacks[1]}/Schema`;
const schemaStack = readFileSync(path.join(outdir, "stacks", stacks[1], "cdk.tf.json"), "utf8");
bodies.set(schema, schemaStack);

/** A reference to another stack names the resource's type and name without a dot between them. */
const crossStack = new Map([...constructOf].map(([address, construct]) => [address.replace(".", ""), construct]));

function* references(from, text) {
  for (const [address, to] of constructOf) {
    if (to !== from && to.split("/")[0] === from.split("/")[0] && text.includes(`${address}.`)) yield to;
  }
  for (const [, output] of text.matchAll(/cross-stack-output-([\w-]+)/g)) {
    for (const [name, to] of crossStack) if (output.startsWith(name)) yield to;
  }
}

const pairs = new Set();
for (const [from, text] of bodies) for (const to of references(from, text)) pairs.add(JSON.stringify([from, to]));
const arrows = [...pairs].sort().flatMap((pair) => {
  const [from, to] = JSON.parse(pair);
  const isBoth = pairs.has(JSON.stringify([to, from]));
  if (isBoth && from > to) return [];
  return [`"${from}" -> "${to}"${isBoth ? " [dir=both]" : ""}`];
});

const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
/** A reader without Helvetica may see a font that is wider by a sixth. */
const room = (text) => "&#160;".repeat(text.length / 3);
const box = ([construct, counts]) => {
  const rows = [...counts]
    .map(([type, count]) => (count === 1 ? kindName(type) : `${count} × ${kindName(type)}`))
    .sort()
    .map(
      (row) => `<tr><td align="left"><font point-size="9" color="#475569">${escape(row)}${room(row)}</font></td></tr>`,
    );
  const title = `<tr><td align="left"><b>${escape(construct.split("/")[1])}</b></td></tr>`;
  return `"${construct}" [label=<<table border="0" cellspacing="0" cellpadding="1">${title}${rows.join("")}</table>>]`;
};
const cluster = (stack, index) =>
  `subgraph cluster_${index} { label="${stack.replace(`${environment}-`, "")}"; labeljust=l; style="rounded"; color="#94a3b8"; fontsize=12;
  ${[...kinds]
    .filter(([construct]) => construct.startsWith(`${stack}/`))
    .map(box)
    .join("\n")} }`;

const dot = `digraph architecture {
  rankdir=LR; fontname="Helvetica"; bgcolor="white"; nodesep=0.25; ranksep=0.7;
  node [shape=box, style="rounded,filled", fillcolor="#f8fafc", color="#334155", fontname="Helvetica", fontsize=12];
  edge [color="#64748b", arrowsize=0.7];
  ${stacks.map(cluster).join("\n")}
  ${arrows.join("\n")}
}`;
const graphviz = await Graphviz.load();
const svg = graphviz.dot(dot, "svg");
if (!process.argv.includes("--check")) {
  writeFileSync(picture, svg);
} else if (readFileSync(picture, "utf8") !== svg) {
  console.error(
    "Error: docs/architecture.svg is not the picture of the stacks: draw it with node scripts/draw-architecture.mjs",
  );
  process.exitCode = 1;
}
