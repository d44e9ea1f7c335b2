// Raises the version as the changesets say, and moves their texts, with what stands under [Unreleased], to the version's own
// part of CHANGELOG.md: in the sections of Keep a Changelog, which changesets' own generator does not know.
// Usage: node scripts/raise-version.js
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { default: getReleasePlan } = require("@changesets/get-release-plan");

const SECTIONS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];
const CHANGELOG = "CHANGELOG.md";
const UNRELEASED = /^## \[Unreleased\]\n([\s\S]*?)(?=^## |^\[Unreleased\]:)/m;

/** Adds the lists of a text to those of their sections; returns what stands before the first one. */
function collect(text, sections, source) {
  const [before = "", ...parts] = text.split(/^### (.+)\n/m);
  for (let index = 0; index < parts.length; index += 2) {
    const [name, list] = [parts[index], parts[index + 1].trim()];
    if (!SECTIONS.includes(name)) {
      throw new Error(`${source}: a section must be one of ${SECTIONS.join(", ")}, got "${name}"`);
    }
    sections.set(name, [...(sections.get(name) ?? []), list]);
  }
  return before.trim();
}

async function raiseVersion() {
  const { changesets, releases } = await getReleasePlan(process.cwd());
  const [release] = releases.filter(({ type }) => type !== "none");
  if (release === undefined) throw new Error("there is no changeset: npx changeset writes one");
  const changelog = fs.readFileSync(CHANGELOG, "utf8");
  const [, unreleased] = UNRELEASED.exec(changelog) ?? [];
  if (unreleased === undefined) throw new Error(`${CHANGELOG} has no part [Unreleased]`);
  const sections = new Map();
  const before = collect(unreleased, sections, CHANGELOG);
  for (const { id, summary } of changesets) {
    const file = `.changeset/${id}.md`;
    const other = collect(summary, sections, file);
    if (other !== "")
      throw new Error(`${file}: a text must stand in a section, such as ### ${SECTIONS[0]}, got "${other}"`);
  }
  const lists = [...sections].map(([name, list]) => `### ${name}\n\n${list.join("\n")}`);
  const own = [`## ${release.newVersion}`, before, ...lists].filter((part) => part !== "").join("\n\n");
  fs.writeFileSync(
    CHANGELOG,
    changelog.replace(UNRELEASED, () => `## [Unreleased]\n\n${own}\n\n`),
  );
  const cli = path.join(path.dirname(require.resolve("@changesets/cli/package.json")), "bin.js");
  execFileSync(process.execPath, [cli, "version"], { stdio: ["ignore", "ignore", "inherit"] });
  const lock = JSON.parse(fs.readFileSync("package-lock.json", "utf8"));
  lock.version = lock.packages[""].version = release.newVersion;
  fs.writeFileSync("package-lock.json", `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`${release.oldVersion} -> ${release.newVersion}: now make keep-release, and commit`);
}

raiseVersion().catch((error) => {
  console.error(`raise-version: ${error.message}`);
  process.exitCode = 1;
});
