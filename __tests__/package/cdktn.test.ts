import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";

const root = path.join(__dirname, "..", "..");

// The tests of the package hold for its twin, too, while nothing but names is different.
describe("the package for cdktn", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), "packages-"));
    execFileSync(process.execPath, ["scripts/write-cdktn-package.js", folder], { cwd: root, stdio: "pipe" });
  }, 60_000);
  afterAll(() => rmSync(folder, { recursive: true }));

  const read = (name: string, file: string): string => readFileSync(path.join(folder, name, file), "utf8");
  const filesOf = (name: string): string[] =>
    readdirSync(path.join(folder, name), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(path.join(folder, name), path.join(entry.parentPath, entry.name)))
      .sort();

  it("has the same files, which differ in names alone", () => {
    const files = filesOf("cdktf-xray-data-lake");
    expect(filesOf("cdktn-xray-data-lake")).toEqual(files);
    const other = files.filter(
      (file) =>
        !["README.md", "package.json"].includes(file) &&
        read("cdktn-xray-data-lake", file).replaceAll("cdktn", "cdktf") !==
          read("cdktf-xray-data-lake", file).replaceAll("cdktn", "cdktf"),
    );
    expect(other).toEqual([]);
  });

  it("loads no module of cdktf", () => {
    const code = filesOf("cdktn-xray-data-lake").filter((file) => /\.(js|d\.ts)$/.test(file));
    const modules = code.flatMap((file) =>
      [...read("cdktn-xray-data-lake", file).matchAll(/(?:require\(|from |import\()["']([^"'.][^"']*)["']/g)].map(
        ([, name = ""]) => name,
      ),
    );
    expect(modules).toContain("cdktn");
    expect([...new Set(modules)].filter((name) => /^@?cdktf/.test(name))).toEqual([]);
  });

  it("begins its page with its own name and the way to install it", () => {
    const [begin = "", ...rest] = read("cdktn-xray-data-lake", "README.md").split(
      "The commands below are those of cdktf.\n",
    );
    expect(begin).toMatch(/^# cdktn-xray-data-lake\n\n.*\[its page\]\(docs\/cdktn\.md\)/);
    const names = (text: string) => text.replaceAll("cdktn", "cdktf");
    expect(`# cdktf-xray-data-lake\n${names(rest.join(""))}`).toBe(names(read("cdktf-xray-data-lake", "README.md")));
  });

  it("has a runbook whose commands are cdktn's", () => {
    const pages = filesOf("cdktn-xray-data-lake").filter((file) => file.startsWith("docs"));
    const text = pages.map((file) => read("cdktn-xray-data-lake", file)).join("");
    expect(text).toContain("`npx cdktn deploy`");
    expect(text).toContain("node_modules/cdktn-xray-data-lake/docs/runbook");
    expect(text).not.toMatch(/npx cdktf/);
  });

  it("is installed with one version of constructs, in a new project and in one that moves", () => {
    const page = readFileSync(path.join(root, "docs", "cdktn.md"), "utf8");
    const [, installed] = /npm install cdktn-xray-data-lake .*\bconstructs@(\S+)/.exec(page) ?? [];
    expect(/^2\. [\s\S]*?`constructs` to ([\d.]*\d)/m.exec(page)?.[1]).toBe(installed);
  });

  it("asks for cdktn's peers and no tool of ours", () => {
    const manifest = JSON.parse(read("cdktn-xray-data-lake", "package.json")) as Record<string, unknown>;
    expect(manifest["peerDependencies"]).toEqual({
      "@cdktn/provider-aws": ">=25.0.0",
      cdktn: ">=0.24.0 <1",
      constructs: ">=10.6.0 <11",
      mysql2: "^3.9.8",
    });
    expect(Object.keys(manifest)).not.toContain("devDependencies");
    expect(Object.keys(manifest)).not.toContain("scripts");
    expect(manifest["dependencies"]).toBeUndefined();
  });
});
