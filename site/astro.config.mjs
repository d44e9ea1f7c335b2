import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import starlight from "@astrojs/starlight";
import { defineConfig } from "astro/config";
import starlightLinksValidator from "starlight-links-validator";
import starlightTypeDoc, { typeDocSidebarGroup } from "starlight-typedoc";
import { base, site } from "./address.mjs";

const REFERENCE = "reference";

/**
 * Mends what TypeDoc wrote. Its list of modules goes: no page links to it, and starlight-typedoc writes no pages for what it links
 * to. A default in words, `@default - none`, is no code.
 */
const mendedReference = {
  name: "mended-reference",
  hooks: {
    "config:setup": () => {
      const folder = fileURLToPath(new URL(`src/content/docs/${REFERENCE}`, import.meta.url));
      fs.rmSync(path.join(folder, "README.md"));
      for (const entry of fs.readdirSync(folder, { recursive: true, encoding: "utf8" })) {
        if (!entry.endsWith(".md")) continue;
        const file = path.join(folder, entry);
        const text = fs.readFileSync(file, "utf8");
        fs.writeFileSync(file, text.replace(/(\*\*Default\*\* )(?:(`+)- (.*?)\2|- )/g, "$1$3"));
      }
    },
  },
};

export default defineConfig({
  outDir: "../.local/site",
  telemetry: false,
  site,
  base,
  integrations: [
    starlight({
      title: "X-ray data lake",
      description: "Terraform CDK constructs for a chest X-ray data lake on AWS",
      pagefind: true,
      customCss: ["./src/styles.css"],
      head: [{ tag: "script", content: fs.readFileSync(new URL("src/scrolled-tables.js", import.meta.url), "utf8") }],
      plugins: [
        starlightTypeDoc({
          entryPoints: ["../src/index.ts", "../src/stacks/index.ts"],
          tsconfig: "../tsconfig.json",
          output: REFERENCE,
          sidebar: { label: "API reference", collapsed: true },
          typeDoc: {
            disableSources: true,
            excludePrivate: true,
            excludeExternals: true,
            interfacePropertiesFormat: "table",
            parametersFormat: "table",
            readme: "none",
            tableColumnSettings: { hideModifiers: true, hideInherited: true },
          },
        }),
        mendedReference,
        starlightLinksValidator(),
      ],
      sidebar: [
        {
          label: "Start",
          items: [
            { label: "The package", link: "/" },
            "first-deploy",
            "cdktn",
            "leaving-cdktf",
            "cost",
            "compatibility",
            { label: "Examples", items: [{ autogenerate: { directory: "examples" } }] },
          ],
        },
        {
          label: "Guides",
          items: [
            "web-app",
            "workbench",
            "airflow",
            "plan-in-ci",
            "rotation",
            { label: "Schema", items: [{ autogenerate: { directory: "schema" } }] },
            { label: "Backup", items: [{ autogenerate: { directory: "backup" } }] },
            "a-year-of-use",
          ],
        },
        { label: "Runbook", items: [{ autogenerate: { directory: "runbook" } }] },
        { label: "Constructs", items: [{ autogenerate: { directory: "modules" } }] },
        {
          label: "Security",
          items: ["threat-model", "data-protection", "enforcement", "deployer-policy", "policy-as-code", "security"],
        },
        "architecture",
        { label: "Decisions", collapsed: true, items: [{ autogenerate: { directory: "decisions" } }] },
        "comparison",
        typeDocSidebarGroup,
        "changelog",
        "contributing",
      ],
    }),
  ],
});
