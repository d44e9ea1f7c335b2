import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const root = path.join(__dirname, "..", "..");
const CHANGELOG = `# Changelog

## [Unreleased]

One state keeps its addresses.

### Changed

- First.

## 0.1.0

The first version.

[Unreleased]: #unreleased
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "version-"));
  write("package.json", '{ "name": "one", "version": "0.1.0" }');
  write("package-lock.json", '{ "name": "one", "version": "0.1.0", "packages": { "": { "version": "0.1.0" } } }');
  write("CHANGELOG.md", CHANGELOG);
  cpSync(path.join(root, ".changeset", "config.json"), path.join(folder, ".changeset", "config.json"));
  execFileSync("git", ["init", "--quiet", "--initial-branch", "main"], { cwd: folder });
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (name: string, text: string): void => writeFileSync(path.join(folder, name), text);
const read = (name: string): string => readFileSync(path.join(folder, name), "utf8");
const changeset = (name: string, type: string, text: string): void =>
  write(`.changeset/${name}.md`, `---\n"one": ${type}\n---\n\n${text}\n`);
const raise = () =>
  spawnSync(process.execPath, [path.join(root, "scripts", "raise-version.js")], { cwd: folder, encoding: "utf8" });

test("changesets raise the version, and their texts join the changelog in its sections", () => {
  changeset("a", "patch", "### Fixed\n\n- A fault.");
  changeset("b", "minor", "### Changed\n\n- Second,\n  with $& in it.\n\n### Added\n\n- A name.");
  expect(raise()).toMatchObject({ status: 0, stdout: "0.1.0 -> 0.2.0: now make keep-release, and commit\n" });
  expect(read("CHANGELOG.md")).toBe(`# Changelog

## [Unreleased]

## 0.2.0

One state keeps its addresses.

### Changed

- First.
- Second,
  with $& in it.

### Fixed

- A fault.

### Added

- A name.

## 0.1.0

The first version.

[Unreleased]: #unreleased
`);
  expect(JSON.parse(read("package.json"))).toEqual({ name: "one", version: "0.2.0" });
  expect(JSON.parse(read("package-lock.json"))).toMatchObject({
    version: "0.2.0",
    packages: { "": { version: "0.2.0" } },
  });
  expect(readdirSync(path.join(folder, ".changeset"))).toEqual(["config.json"]);
});

test.each([
  [
    "a",
    "### Other\n\n- Text.",
    '.changeset/a.md: a section must be one of Added, Changed, Deprecated, Removed, Fixed, Security, got "Other"',
  ],
  ["a", "Text.", '.changeset/a.md: a text must stand in a section, such as ### Added, got "Text."'],
  [undefined, "", "there is no changeset: npx changeset writes one"],
])("is refused, and nothing changes: %s %j", (name, text, reason) => {
  if (name !== undefined) changeset(name, "minor", text);
  expect(raise()).toMatchObject({ status: 1, stderr: `raise-version: ${reason}\n` });
  expect(read("CHANGELOG.md")).toBe(CHANGELOG);
  expect(read("package.json")).toContain("0.1.0");
});

test("the changesets that wait here can be read, and the changelog can take them", () => {
  for (const name of ["package.json", "package-lock.json", "CHANGELOG.md", ".changeset"]) {
    cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  }
  const waiting = readdirSync(path.join(root, ".changeset")).filter((name) => name.endsWith(".md"));
  const { status, stderr } = raise();
  expect([status, stderr]).toEqual(
    waiting.length > 0 ? [0, ""] : [1, "raise-version: there is no changeset: npx changeset writes one\n"],
  );
});

test("each released version has kept addresses and a kept state", () => {
  const changelog = readFileSync(path.join(root, "CHANGELOG.md"), "utf8");
  const released = [...changelog.matchAll(/^## (\d\S*)/gm)].map(([, version = ""]) => version);
  expect(released).toContain("0.1.0");
  for (const version of released) {
    const kept = ["addresses.json", "prod-data-lake.tfstate"].map((file) =>
      path.join("__tests__", "releases", version, file),
    );
    expect(kept.filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
  }
});
