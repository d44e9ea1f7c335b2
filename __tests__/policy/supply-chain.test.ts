import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { localPath, repositoryRoot } from "../../local/tools/paths";
import { runCommand } from "../../local/tools/run-command";

const read = (file: string): string => readFileSync(path.join(repositoryRoot, file), "utf8");
const files = execFileSync("git", ["ls-files"], { cwd: repositoryRoot, encoding: "utf8" }).trim().split("\n");

test("zizmor has no finding in the workflows, also as a pedant", async () => {
  const zizmor = localPath("venv", "policy", "bin", "zizmor");
  const args = ["--offline", "--no-progress", "--persona", "pedantic", "--strict-collection", ".github"];
  const { output } = await runCommand(zizmor, args, { cwd: repositoryRoot, okCodes: [0, 11, 12, 13, 14] });
  expect(output).toContain("No findings to report");
});

test("zizmor has no finding in the workflow that docs/plan-in-ci.md shows", async () => {
  const folder = localPath("test", "calling-workflow", ".github", "workflows");
  mkdirSync(folder, { recursive: true });
  const [, shown = ""] = /^```yaml\n([\s\S]*?)^```$/m.exec(read("docs/plan-in-ci.md")) ?? [];
  writeFileSync(path.join(folder, "lake.yml"), shown);
  const args = ["--offline", "--no-progress", "--persona", "pedantic", "--strict-collection", folder];
  const { output } = await runCommand(localPath("venv", "policy", "bin", "zizmor"), args, {
    okCodes: [0, 11, 12, 13, 14],
  });
  expect(output).toContain("No findings to report");
});

test("what builds a release cannot publish it, and what publishes checks nothing out", () => {
  const [, build = "", publish = ""] =
    /\n {2}build:\n([\s\S]*)\n {2}publish:\n([\s\S]*)/.exec(read(".github/workflows/release.yml")) ?? [];
  expect(build).not.toMatch(/: write/);
  expect(publish).toMatch(/id-token: write/);
  expect(publish).not.toMatch(/actions\/checkout|npm (ci|install|run)|secrets\./);
});

test("the bill of materials names the packages that travel with the jobs", async () => {
  mkdirSync(localPath("test"), { recursive: true });
  const file = localPath("test", "sbom.cdx.json");
  await runCommand(process.execPath, [path.join("scripts", "write-sbom.js"), file], { cwd: repositoryRoot });
  const bom = JSON.parse(readFileSync(file, "utf8")) as {
    bomFormat: string;
    metadata: { component: { name: string; version: string } };
    components: { purl: string }[];
    dependencies: { dependsOn: string[] }[];
  };
  const [, pinned] = /^pymysql==(\S+)/m.exec(read("glue/requirements.txt")) ?? [];
  const { name, version, dependencies = {} } = JSON.parse(read("package.json")) as Record<string, string>;
  expect(bom).toMatchObject({ bomFormat: "CycloneDX", metadata: { component: { name, version } } });
  expect(dependencies).toEqual({});
  expect(bom.components.map(({ purl }) => purl)).toEqual([`pkg:pypi/pymysql@${pinned}`]);
  expect(bom.dependencies[0]?.dependsOn).toEqual([`pkg:pypi/pymysql@${pinned}`]);
});

describe("Renovate", () => {
  const config = JSON.parse(read("renovate.json")) as {
    "pip-compile": { managerFilePatterns: string[] };
    customManagers: { managerFilePatterns: string[]; matchStrings: string[] }[];
  };
  const fits = (patterns: string[], file: string): boolean =>
    patterns.some((pattern) => new RegExp(pattern.slice(1, -1)).test(file));

  test("knows every locked file of Python packages, and the command that made it", () => {
    // The hand-made job's Spark and Glue's rebuilt runtimes stay what they are.
    const all = files.filter((file) => !/^bench\/|\/glue_runtime\//.test(file));
    const locked = all.filter((file) => file.endsWith(".txt") && read(file).includes("--hash=sha256:"));
    expect(locked.length).toBeGreaterThanOrEqual(6);
    for (const file of locked) {
      expect([file, fits(config["pip-compile"].managerFilePatterns, file)]).toEqual([file, true]);
      const source = file.replace(/txt$/, "in");
      expect(read(file)).toMatch(
        new RegExp(
          `^# .* by uv via the following command:\n#    uv pip compile --generate-hashes .* --output-file ${file} ${source}\n`,
        ),
      );
    }
  });

  test("finds the pins that stand in no manifest: Terraform and trivy", () => {
    const found = config.customManagers.flatMap(({ managerFilePatterns, matchStrings }) =>
      files
        .filter((file) => fits(managerFilePatterns, file))
        .flatMap((file) =>
          matchStrings.flatMap((text) =>
            [...read(file).matchAll(new RegExp(text, "g"))].map(({ groups }) => ({ ...groups })),
          ),
        ),
    );
    const distinct = [...new Map(found.map((pin) => [JSON.stringify(pin), pin])).values()];
    expect(distinct).toEqual([
      { currentValue: "1.11.4" },
      { depName: "github.com/aquasecurity/trivy", currentValue: expect.stringMatching(/^v\d/) as unknown },
    ]);
  });
});
