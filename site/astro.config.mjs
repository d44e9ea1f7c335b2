import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import starlight from "@astrojs/starlight";
import { defineConfig } from "astro/config";
import starlightLinksValidator from "starlight-links-validator";
import starlightTypeDoc, { typeDocSidebarGroup } from "starlight-typedoc";
import manifest from "../package.json" with { type: "json" };
import { base, site } from "./address.mjs";
import { descriptionOf } from "./description.mjs";
import { referenceTitle } from "./reference-title.mjs";
import { wholeWords } from "./whole-words.mjs";

const REFERENCE = "reference";

const TITLE = "X-ray data lake";

/** The repository, where a release wrote its address. */
const repository = manifest.repository?.url.replace(/^git\+|\.git$/g, "");

/**
 * A page of TypeDoc's for readers. Bases that the package does not export have no page, and their names tell a reader nothing. A
 * default in words, `@default - none`, is no code. The class of a table of props lets a phone show it in another form.
 */
function mendedPage(text, folder) {
  const [, title, content] = /^---\n[\s\S]*?title: "(.*)"\n---\n([\s\S]*)$/.exec(text);
  const mended = content
    .replace(/#{2,4} (?:Extends|Implementation of|Inherited from|Overrides)\n\n(?:- )?`[^\n]*`\n+/g, "")
    .replace(/(\*\*Default\*\* )(?:(`+)- (.*?)\2|- )/g, "$1$3")
    .replace(/(?:^\|.*\n)+/gm, '<div class="props">\n\n$&\n</div>\n');
  const description = descriptionOf(mended) ?? `${title} of the package's public API.`;
  const head = [{ tag: "title", content: `${referenceTitle(title, folder)} | ${TITLE}` }];
  const data = { editUrl: false, next: false, prev: false, title, description, head };
  return `---\n${JSON.stringify(data)}\n---\n${mended}`;
}

/** Mends what TypeDoc wrote. Its list of modules goes: no page links to it, and starlight-typedoc writes no pages for what it links to. */
const mendedReference = {
  name: "mended-reference",
  hooks: {
    "config:setup": () => {
      const folder = fileURLToPath(new URL(`src/content/docs/${REFERENCE}`, import.meta.url));
      fs.rmSync(path.join(folder, "README.md"));
      for (const entry of fs.readdirSync(folder, { recursive: true, encoding: "utf8" })) {
        if (!entry.endsWith(".md")) continue;
        const file = path.join(folder, entry);
        fs.writeFileSync(file, mendedPage(fs.readFileSync(file, "utf8"), path.basename(path.dirname(file))));
      }
    },
  },
};

/** A group of the sidebar that is open on its own pages only. */
const closed = (label, directory) => ({ label, collapsed: true, items: [{ autogenerate: { directory } }] });

export default defineConfig({
  outDir: "../.local/site",
  telemetry: false,
  site,
  base,
  integrations: [
    starlight({
      title: TITLE,
      description: "Terraform CDK constructs for a chest X-ray data lake on AWS",
      pagefind: true,
      social: repository ? [{ icon: "github", label: "Repository", href: repository }] : [],
      disable404Route: true, // 404.md is the page
      components: { PageTitle: "./src/page-title.astro" },
      expressiveCode: {
        // Nothing of a command is out of sight; the indentation tells a wrapped line from the next one.
        defaultProps: {
          wrap: true,
          hangingIndent: 4,
          overridesByLang: { "sh,bash": { frame: "none" } },
        },
        plugins: [wholeWords()],
      },
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
            classPropertiesFormat: "table",
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
            { slug: "leaving-cdktf", label: "Leave cdktf for HCL" },
            "cost",
            "compatibility",
            closed("Examples", "examples"),
          ],
        },
        {
          label: "Guides",
          items: [
            { slug: "web-app", label: "The web app's settings" },
            { slug: "workbench", label: "MySQL Workbench" },
            "airflow",
            "plan-in-ci",
            "rotation",
            closed("Schema", "schema"),
            closed("Backup", "backup"),
            "a-year-of-use",
          ],
        },
        { label: "Runbook", items: [{ autogenerate: { directory: "runbook" } }] },
        { label: "Constructs", items: [{ autogenerate: { directory: "modules" } }] },
        {
          label: "Security",
          items: [
            "threat-model",
            "data-protection",
            "enforcement",
            "deployer-policy",
            "policy-as-code",
            { slug: "security", label: "Report a vulnerability" },
          ],
        },
        "architecture",
        closed("Decisions", "decisions"),
        "comparison",
        typeDocSidebarGroup,
        { slug: "changelog", badge: manifest.version },
        "contributing",
      ],
    }),
  ],
});
