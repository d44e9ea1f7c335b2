import { RegistrySchemaStack, RegistryStack } from "../../examples/own-data-model/registry-stacks";
import { synthesizeApp } from "../support/synth";

const { lake, schema } = synthesizeApp((app) => {
  new RegistrySchemaStack(app, "schema", new RegistryStack(app, "lake"));
});
const fixedArguments = (job: string) => lake?.resource("aws_glue_job", job).non_overridable_arguments;

it("purges slides by their scan, and keeps what a pathologist ordered", () => {
  for (const job of ["Backup", "Purge"]) {
    expect(fixedArguments(job)).toContain('"--policies" = "slide.scanned_at+annotation+review"');
    expect(fixedArguments(job)).toContain('"--least_age_days" = "365"');
  }
  const grants = schema?.ids("mysql_grant").filter((id) => id.startsWith("Schema_xray_purge_"));
  expect(grants?.map((id) => id.replace("Schema_xray_purge_Grant-", ""))).toEqual([
    "annotation",
    "every-table",
    "review",
    "slide",
  ]);
  const { privileges } = schema?.resource("mysql_grant", "Schema_xray_purge_Grant-slide") ?? {};
  expect(privileges).toEqual(["SELECT", "DELETE", "TRIGGER"]);
});

it("has a table of the catalog for each table of the registry", () => {
  const views = lake?.ids("aws_glue_catalog_table").filter((id) => id.includes("latest_"));
  expect(views).toEqual(
    ["annotation", "review", "slide", "specimen", "tissue"].map((name) => `Catalog_latest_${name}`),
  );
});

it("warns of slides that were never scanned", () => {
  expect(lake?.warnings.filter((text) => text.includes("scanned_at"))).toHaveLength(3);
});
