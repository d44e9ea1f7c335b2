import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { TerraformStack } from "cdktf";
import { Construct } from "constructs";
import { gt } from "semver";
import { warnDeprecated } from "../../../src/modules/common/deprecated";
import { synthesizeApp } from "../../support/synth";

const root = path.join(__dirname, "..", "..", "..");
const read = (file: string): string => readFileSync(path.join(root, file), "utf8");

test("a deprecated name warns once for each construct", () => {
  const { test: stack } = synthesizeApp((app) => {
    const scope = new TerraformStack(app, "test");
    for (const id of ["One", "One", "Two"]) {
      const construct = scope.node.tryFindChild(id) ?? new Construct(scope, id);
      warnDeprecated(construct, { name: "oldName", use: "newName", removedIn: "9.0.0" });
    }
  });
  const warning = "oldName is deprecated: use newName; version 9.0.0 removes oldName";
  expect(stack?.warnings).toEqual([warning, warning]);
});

// docs/compatibility.md promises it.
test("what the API report calls deprecated warns at synth, and a later version removes it", () => {
  const reports = readdirSync(path.join(root, "docs", "api")).map((name) => read(path.join("docs", "api", name)));
  const deprecated = new Set(
    reports.flatMap((report) =>
      [...report.matchAll(/\/\/ @deprecated[^\n]*\s+(?:export |static |readonly |abstract |class |const )*(\w+)/g)].map(
        ([, name]) => name,
      ),
    ),
  );
  const sources = readdirSync(path.join(root, "src"), { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );
  const warnings = sources.flatMap((name) => [
    ...read(path.join("src", name)).matchAll(
      /warnDeprecated\(\w+, \{\s*name: "(\w+)",\s*use: "[^"]+",\s*removedIn: "([\d.]+)",?\s*\}\)/g,
    ),
  ]);
  expect(new Set(warnings.map(([, name]) => name))).toEqual(deprecated);
  const { version } = JSON.parse(read("package.json")) as { version: string };
  for (const [, name, removedIn = ""] of warnings) expect([name, gt(removedIn, version)]).toEqual([name, true]);
});
