import * as path from "node:path";

const PACKAGE = "cdktf-xray-data-lake";

/** The pages that messages name; a test finds each in the built site. */
export const DOCUMENTATION_PAGES = [
  "modules/metadata-database",
  "runbook/backup-failed",
  "runbook/database-load",
  "runbook/half-applied-migration",
  "runbook/instance-gone",
  "runbook/no-proved-backup",
  "runbook/purge-or-restore-failed",
] as const;

/** A page of the documentation, as its path below `docs` without the ending. */
export type DocumentationPage = (typeof DOCUMENTATION_PAGES)[number];

/** Address of the documentation's site: the package's homepage, which a release writes and a checkout lacks. */
function homepage(): string | undefined {
  try {
    // A bundler puts the manifest in place of a require, and not in place of a file's name.
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    const manifest = require("../../package.json") as { readonly name: string; readonly homepage?: string };
    return manifest.name === PACKAGE ? manifest.homepage?.replace(/\/+$/, "") : undefined;
  } catch {
    return undefined; // the code was copied without the package
  }
}

/** A page's address, for a message; in a checkout its file. */
export function documentationPage(page: DocumentationPage): string {
  const site = homepage();
  return site === undefined ? path.posix.join("docs", `${page}.md`) : `${site}/${page}/`;
}
