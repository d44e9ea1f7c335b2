// The site's address is the package's homepage, as the release writes it; a checkout has none, and its site stands at "/".
import manifest from "../package.json" with { type: "json" };

const homepage = manifest.homepage && new URL(manifest.homepage);

export const site = homepage?.origin;
/** The path in front of every page, without a slash at the end. */
export const base = homepage ? homepage.pathname.replace(/\/$/, "") : "";
