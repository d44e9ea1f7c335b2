import starlight from "@astrojs/starlight";
import { defineConfig } from "astro/config";
import starlightTypeDoc, { typeDocSidebarGroup } from "starlight-typedoc";

export default defineConfig({
  outDir: "../.local/site",
  telemetry: false,
  integrations: [
    starlight({
      title: "X-ray data lake",
      description: "Terraform CDK constructs for a chest X-ray data lake on AWS",
      pagefind: true,
      plugins: [
        starlightTypeDoc({
          entryPoints: ["../src/index.ts", "../src/stacks/index.ts"],
          tsconfig: "../tsconfig.json",
          output: "reference",
          sidebar: { label: "API reference", collapsed: true },
          typeDoc: { disableSources: true, excludePrivate: true, excludeExternals: true, readme: "none" },
        }),
      ],
      sidebar: [
        { label: "Start", items: ["first-deploy", "airflow", "web-app", "workbench", "cost", "cdktn"] },
        { label: "Constructs", items: [{ autogenerate: { directory: "modules" } }] },
        { label: "Schema", items: [{ autogenerate: { directory: "schema" } }] },
        { label: "Backup", items: [{ autogenerate: { directory: "backup" } }] },
        { label: "Runbook", items: [{ autogenerate: { directory: "runbook" } }] },
        { label: "Security", items: ["deployer-policy"] },
        { label: "Decisions", collapsed: true, items: [{ autogenerate: { directory: "decisions" } }] },
        typeDocSidebarGroup,
        "changelog",
      ],
    }),
  ],
});
