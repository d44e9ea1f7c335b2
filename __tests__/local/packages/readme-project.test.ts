import { readmeProject, writtenLines } from "../../../local/packages/readme-project";

test.each(["cdktf", "cdktn"] as const)("the pages lead to a project of %s", (cdk) => {
  const project = readmeProject(cdk);
  const { commands, files } = project;
  expect(commands[0]).toMatch(new RegExp(`^npm install ${cdk}-xray-data-lake ${cdk} constructs`));
  expect(commands[1]).toMatch(new RegExp(`^npm install --save-dev typescript ${cdk}-cli$`));
  const modules = [...(files["main.ts"] ?? "").matchAll(/from "([^"]+)"/g)].map(([, name]) => name);
  expect(modules).toEqual([cdk, `@${cdk}/provider-aws/lib/provider`, `${cdk}-xray-data-lake`]);
  const settings = JSON.parse(files["cdktf.json"] ?? "") as Record<string, unknown>;
  expect(settings["app"]).toBe("npx tsc && node main.js");
  expect("targetVersions" in settings).toBe(cdk === "cdktn");
  // Three constructs, and what they need.
  for (const name of ["DataLakeBucket", "MetadataDatabase", "BackupGlueJob"])
    expect(files["main.ts"]).toContain(`new ${name}(`);
  expect(writtenLines(project)).toBeGreaterThan(10);
});
